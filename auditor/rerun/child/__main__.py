"""Starts the child: ``python -m auditor.rerun.child JOB.json``, or by the folder's path in another environment."""

import importlib
import importlib.util
import os
import signal
import sys
import threading
import time
from pathlib import Path

STARTED = time.monotonic()
_ALONE = "rerun_child"


def package() -> str:
    """The name this folder's modules go by: auditor's own, or one made up where auditor is not installed.

    Run by path, Python puts this folder first on its path; it is taken off, so that no file here can stand in for a
    library's module.
    """
    if __package__:
        return __package__
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        _ALONE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_ALONE] = module
    spec.loader.exec_module(module)
    return _ALONE


def watch(parent: int) -> None:
    """Ends this process, with its group where it leads one, once its parent is gone: nobody reads what it trains.

    A parent that is killed outright (SIGKILL, the kernel out of memory) ends nobody.
    """
    while os.getppid() == parent:
        time.sleep(1.0)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    if hasattr(os, "getpgrp"):
        threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
    importlib.import_module(f"{package()}.train").main(sys.argv[1:], STARTED)
