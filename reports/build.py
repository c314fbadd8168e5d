"""Regenerates the sample reports: documentation and golden files at once.

    python reports/build.py

Both comparisons in every format, the inspection's page, the pages of the rerun that `forged.py` recorded, and a picture
for the README. The reports are the same bytes on every machine: a test writes them again and compares.
"""

import shutil
import subprocess
import sys
import tempfile
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


def inspection(folder: Path) -> list[str]:
    """The command line that writes the page of the tiny fixture's inspection into a folder."""
    page = f"--output=html={folder / 'tiny-inspect.html'}"
    return [AUDIT, "inspect", "candidate", "--repo", "fixtures/tiny/repo.bundle", "--quiet", page]


def rendering(folder: Path) -> list[str]:
    """The command line that renders the recorded rerun as a page and as text into a folder."""
    outputs = [f"--output={name}={folder / f'forged.{SUFFIX[name]}'}" for name in ("html", "terminal")]
    return [AUDIT, "report", "reports/forged.json", *outputs]


def photograph(page: Path, picture: Path) -> None:
    """A picture of the first screen of a page, where a headless Chromium is installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.stderr.write(f"{picture.name} is left as it is: no chromium on this machine\n")
        return
    with tempfile.TemporaryDirectory() as profile:
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
        quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
        subprocess.run(
            [
                *(browser, *flags, *quiet, f"--user-data-dir={profile}", "--window-size=1280,1060"),
                *(
                    "--blink-settings=preferredColorScheme=1",
                    f"--screenshot={picture}",
                    page.resolve().as_uri(),
                ),
            ],
            capture_output=True,
            check=True,
        )


def main() -> int:
    """Write every sample; fail when a command ends with another exit code than its fixture must give."""
    for case, (_, _, expected) in CASES.items():
        done = subprocess.run(command(case, ROOT / "reports"), cwd=ROOT, capture_output=True, text=True)
        if done.returncode != expected:
            sys.stderr.write(f"{case}: exit {done.returncode}, expected {expected}\n{done.stderr}")
            return 1
    subprocess.run(inspection(ROOT / "reports"), cwd=ROOT, capture_output=True, check=True)
    subprocess.run(rendering(ROOT / "reports"), cwd=ROOT, capture_output=True, check=True)
    photograph(ROOT / "reports" / "seed.html", ROOT / "reports" / "seed.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
