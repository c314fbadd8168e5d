"""Makes reports/forged.json anew: a run whose declared dropout was never applied, audited and rerun on this machine.

    python reports/forged.py

Every file of the run but what training computes is that of an honest one. The report is a record, and names the
machine and releases it was made with; `build.py` renders it, and a test holds pages and record together.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.detection.case import CAREFUL, USUAL, lie  # noqa: E402
from benchmarks.detection.inputs import base_path, data_path  # noqa: E402
from benchmarks.detection.repository import write  # noqa: E402
from benchmarks.detection.workshop import Workshop  # noqa: E402

AUDIT = str(Path(sys.executable).parent / "audit")
RECORD = ROOT / "reports" / "forged.json"


def main() -> int:
    """Train, forge, ask, keep the answer."""
    case = lie("dropout not applied", CAREFUL, USUAL["gemma3"], dropout=0.0)
    with tempfile.TemporaryDirectory(prefix="forged-") as name:
        workshop = Workshop(Path(name))
        workshop.prepare([case.declared.architecture])
        workshop.train(case.recipes)
        folder = Path(name) / "adapter"
        write(case.files(workshop.of), folder)
        given = ["--base", str(base_path(Path(name), "gemma3")), "--data", str(data_path(Path(name)))]
        asked = [AUDIT, "rerun", str(folder), *given, "--no-cache", "--quiet", f"--output=json={RECORD}"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 1:
        sys.stderr.write(f"exit {done.returncode}, expected 1 (diverged)\n{done.stdout}{done.stderr}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
