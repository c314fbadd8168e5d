"""Trains tiny honest runs with the installed libraries, each into a folder as a platform would push it.

``python tests/genuine/honest.py FOLDER [NAME ...]`` trains on the CPU, or a GPU if HONEST_GPU is set, and prints a JSON
line for each run. It does not know the auditor: it runs where only the training libraries of some release are.
"""

import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    # One thread: the models are so small that more only wait for each other.
    os.environ |= {"OMP_NUM_THREADS": "1"} | (
        {} if "HONEST_GPU" in os.environ else {"CUDA_VISIBLE_DEVICES": ""}
    )
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}


def main(folder: str, names: list[str]) -> None:
    """Train the named runs, or all, below a folder."""
    from tests.genuine import old_releases

    old_releases.patch()
    from tests.genuine.publishing import CannotTrainError
    from tests.genuine.runs_of_trainer import RUNS
    from tests.genuine.runs_of_trl import RUNS as MORE

    warnings.simplefilter("ignore")
    runs = {**RUNS, **MORE}
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    for name in names or list(runs):
        began = time.monotonic()
        outcome = trained(name, runs[name], CannotTrainError)
        seconds = round(time.monotonic() - began, 1)
        print(json.dumps({"run": name, **outcome, "seconds": seconds}), flush=True)


def trained(name: str, settings: dict[str, Any], cannot: type[Exception]) -> dict[str, str]:
    """Train one run; what became of it: trained, skipped or failed, and why."""
    output = sys.stdout
    sys.stdout = sys.stderr  # the libraries print too
    try:
        settings["train"](name, settings)
    except cannot as error:
        return {"state": "skipped", "why": str(error)}
    except Exception:
        return {"state": "failed", "why": traceback.format_exc()[-1500:]}
    finally:
        sys.stdout = output
    return {"state": "trained", "base": settings["base"]}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
