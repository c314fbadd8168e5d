"""Regenerates the sample reports: documentation and golden files at once.

    python reports/build.py

The seed comparison in every format; of the rerun only the HTML and JSON of the tiny fixture with ``--rerun``.
Reports of a comparison are the same bytes on every machine (a test compares them).
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
AUDIT = str(Path(sys.executable).parent / "audit")
SUFFIX = {"terminal": "txt", "json": "json", "markdown": "md", "html": "html", "sarif": "sarif"}
CASES = {"seed": ("main", "caost-test-2", 1), "tiny": ("main", "candidate", 0)}


def command(case: str, folder: Path) -> list[str]:
    """The command line that writes every format of one fixture's comparison into a folder."""
    base, head, _ = CASES[case]
    outputs = [f"--output={name}={folder / f'{case}.{suffix}'}" for name, suffix in SUFFIX.items()]
    return [AUDIT, "compare", base, head, "--repo", f"fixtures/{case}/repo.bundle", "--quiet", *outputs]


def main() -> int:
    """Write every sample; fail when a command ends with another exit code than its fixture must give."""
    for case, (_, _, expected) in CASES.items():
        done = subprocess.run(command(case, ROOT / "reports"), cwd=ROOT, capture_output=True, text=True)
        if done.returncode != expected:
            sys.stderr.write(f"{case}: exit {done.returncode}, expected {expected}\n{done.stderr}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
