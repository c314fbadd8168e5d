"""Trains the honest runs with old releases of the libraries and audits each: ``make genuine``.

``python tests/genuine/releases.py [--again] [PAIR ...]`` makes one throw-away environment for each row of `PAIRS`,
layered over this one (whose torch it shares), trains there with `honest.py`, audits here, and prints a table. It exits
1 when an audit warns of an honest run. ``--again`` only audits once more what an earlier call trained.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "genuine"
HERE = Path(__file__).resolve().parent

LIBRARIES = ("transformers", "peft", "trl", "accelerate", "tokenizers", "huggingface-hub")
PAIRS: dict[str, tuple[str, ...]] = {
    # Each row as its transformers release pins tokenizers and huggingface_hub (dependency_versions_table.py).
    "4.36": ("4.36.2", "0.7.1", "0.7.11", "0.25.0", "0.15.2", "0.24.7"),
    "4.41": ("4.41.2", "0.11.1", "0.9.6", "0.31.0", "0.19.1", "0.24.7"),
    "4.46": ("4.46.3", "0.13.2", "0.12.2", "1.1.1", "0.20.3", "0.26.5"),
    "4.48": ("4.48.3", "0.14.0", "0.15.2", "1.2.1", "0.21.0", "0.28.1"),
    "4.51": ("4.51.3", "0.15.2", "0.17.0", "1.6.0", "0.21.1", "0.30.2"),
    "4.53": ("4.53.3", "0.16.0", "0.19.1", "1.8.1", "0.21.2", "0.33.4"),
    "4.57": ("4.57.1", "0.17.1", "0.24.0", "1.11.0", "0.22.1", "0.35.3"),
    "4.57-peft-0.18": ("4.57.3", "0.18.0", "0.26.2", "1.12.0", "0.22.1", "0.36.0"),
    "5.0": ("5.0.0", "0.18.1", "0.27.2", "1.12.0", "0.22.2", "1.3.4"),
    "current": (),
}
BEFORE_5 = (
    # What huggingface_hub before 1.0 needs and the current one does not, and the datasets of its time.
    *("requests", "urllib3", "certifi", "charset-normalizer"),
    *("datasets==3.6.0", "dill==0.3.8", "multiprocess==0.70.16"),
    # What trl before 0.10 imports.
    *("tyro<0.9", "docstring-parser", "shtab", "eval-type-backport"),
)

HTTPX = (
    *("httpx", "httpcore", "anyio", "h11", "sniffio", "requests", "urllib3", "certifi", "charset-normalizer"),
    *("datasets==4.4.1", "dill==0.4.0", "multiprocess==0.70.18"),
)
"""What huggingface_hub 1.0 to 1.x needs and the current one does not, and the datasets of its time."""


def main(names: list[str]) -> int:
    """The exit code: 0 when no audit of an honest run warns."""
    warned = failed = 0
    again, names = "--again" in names, [name for name in names if name != "--again"]
    for name in names or list(PAIRS):
        lines = earlier(name) if again else trained(name, environment(name))
        warned += sum(report(name, line) for line in lines)
        failed += sum(line["state"] == "failed" for line in lines) + (not lines)
    print(f"{warned} warnings or errors on honest runs, {failed} runs that could not be trained")
    return 1 if warned or failed else 0


def environment(name: str) -> Path:
    """The interpreter of a pair's environment, made when it is not there yet."""
    if not PAIRS[name]:
        return Path(sys.executable)
    folder = BUILD / name / "venv"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(folder)])
        site = next((folder / "lib").iterdir()) / "site-packages"
        shared = [path for path in sys.path if path.endswith("site-packages")]
        (site / "shared.pth").write_text("\n".join(shared) + "\n")
        wanted = [f"{library}=={release}" for library, release in zip(LIBRARIES, PAIRS[name], strict=True)]
        more = BEFORE_5 if name.startswith("4.") else HTTPX
        install = ["pip", "install", "-q", "--no-deps", "--python", str(python), *wanted, *more]
        run([str(Path(sys.executable).parent / "uv"), *install])
        (folder / "made").touch()
    return python


def run(command: list[str]) -> None:
    """Run a command; its failure ends this program."""
    subprocess.run(command, check=True)


def trained(name: str, python: Path) -> list[dict[str, str]]:
    """What `honest.py` says of each run, newly trained."""
    folder = BUILD / name / "folder"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    with (BUILD / f"{name}.log").open("w") as log:
        done = subprocess.run(
            [str(python), str(HERE / "honest.py"), str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=False,
        )
    (BUILD / f"{name}.jsonl").write_text(done.stdout)
    return earlier(name)


def earlier(name: str) -> list[dict[str, str]]:
    """What `honest.py` said when the pair was last trained."""
    return [json.loads(line) for line in (BUILD / f"{name}.jsonl").read_text().splitlines()]


def report(name: str, line: dict[str, str]) -> int:
    """Print one line of the table and the findings of an audit; how many warn."""
    if line["state"] != "trained":
        print(f"{name}\t{line['run']}\t{line['state']}\t{line['why'].strip().splitlines()[-1]}", flush=True)
        return 0
    from tests.genuine.judged import judged

    folder = BUILD / name / "folder"
    found = judged(folder / "runs" / line["run"], folder / "tiny-labs" / line["base"])
    print(f"{name}\t{line['run']}\t{len(found)} warnings", *found, sep="\n\t", flush=True)
    return len(found)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]
    os.chdir(ROOT)
    BUILD.mkdir(parents=True, exist_ok=True)
    sys.exit(main(sys.argv[1:]))
