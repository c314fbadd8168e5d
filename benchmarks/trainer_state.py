"""CPU of reading and validating a long trainer_state.json against ``json.loads`` of the same bytes; prints ratios.

    python benchmarks/trainer_state.py [rounds]

10,500 rows as the Trainer writes them (indent=2, sorted keys), 2.2 MB. One process, alternated, minimum of the rounds.
"auditor" reads the text, refuses repeated keys, sees that log_history is an array of objects, takes the fields by their
types and finds the spelling of total_flos. Reference: json.loads = 1.0; reach 1.25. Peer: json.loads and jsonschema's
Draft202012Validator with the schema that `audit schema trainer_state` prints, already built.
"""

import io
import json
import platform
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
ROWS = 10_500
REACH = 1.25


def document() -> bytes:
    """A state after ROWS logged steps."""
    numbers = random.Random(42)
    rows = [
        {
            "epoch": round(step / ROWS, 4),
            "grad_norm": numbers.random(),
            "learning_rate": 2e-4 * (1 - step / ROWS),
            "loss": round(2 * numbers.random(), 4),
            "mean_token_accuracy": numbers.random(),
            "step": step,
        }
        for step in range(1, ROWS + 1)
    ]
    values: dict[str, object] = {
        "best_global_step": None,
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": 1.0,
        "eval_steps": 500,
        "global_step": ROWS,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": rows,
        "logging_steps": 1,
        "max_steps": ROWS,
        "num_input_tokens_seen": 0,
        "num_train_epochs": 1,
        "save_steps": 500,
        "stateful_callbacks": {"TrainerControl": {"args": {"should_save": True}, "attributes": {}}},
        "total_flos": 1.0138086088704e16,
        "train_batch_size": 1,
        "trial_name": None,
        "trial_params": None,
    }
    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Alternate the three, print the minima and their ratios."""
    from jsonschema import Draft202012Validator

    from auditor.artifacts.trainer_state import TrainerState
    from auditor.model import Blob

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    data = document()
    blob = Blob("checkpoint/trainer_state.json", len(data), lambda: io.BytesIO(data))
    validator = Draft202012Validator(json.loads((ROOT / "schemas" / "trainer_state.schema.json").read_text()))
    if len(TrainerState.parse(blob).log_history) != ROWS or not validator.is_valid(json.loads(data)):
        raise SystemExit("the document was not read as it was written")
    work: dict[str, Callable[[], object]] = {
        "json.loads": lambda: json.loads(data),
        "auditor": lambda: TrainerState.parse(blob),
        "jsonschema": lambda: list(validator.iter_errors(json.loads(data))),
    }
    best = dict.fromkeys(work, float("inf"))
    for _ in range(rounds + 1):
        for name, call in work.items():
            best[name] = min(best[name], seconds(call))
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {len(data):,} bytes, {rounds + 1} rounds"
    )
    for name, spent in best.items():
        print(f"{name:<12} {spent * 1000:>8.1f} ms {spent / best['json.loads']:>7.2f}")
    print(f"reach {REACH}")


if __name__ == "__main__":
    main()
