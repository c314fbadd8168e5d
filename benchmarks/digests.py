"""SHA-256 of Git LFS objects against their oid, against ``openssl dgst -sha256``; two objects in two threads.

    python benchmarks/digests.py [rounds]

Subject: a folder with LFS pointers and a store of objects of 1 GiB of random bytes, read as every command does
(`directory.snapshot`, `runs.read`), which opens, checks and parses them (they are no weights, which is said after
their digest was found right). Whole processes, alternated after a round that does not count, minimum. Reach: CPU 1.1
times openssl's for one object; wall of two objects 1.15 times that of one. Two processes of openssl at once tell how
much of a second core the machine had to give meanwhile.
"""

import hashlib
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks._process import alternated, python

SIZE = 1 << 30
SUBJECT = """
import sys
from pathlib import Path
from auditor import runs
from auditor.sources.directory import snapshot
found = runs.read(snapshot(Path(sys.argv[1]), (Path(sys.argv[2]),)))
print(len(found.unread), found.unread[0].reason[:40])
"""
WITHOUT = SUBJECT.replace("Path(sys.argv[2])", 'Path("/nonexistent")')
"""The same with an empty store: all that a command does besides hashing."""


def make(folder: Path) -> list[str]:
    """Two stored objects; folders ``one`` and ``two`` with pointers to the first and to both. Their paths."""
    paths = []
    for number in range(2):
        block = os.urandom(1 << 20)
        digest = hashlib.sha256()
        place = folder / "store" / f"new-{number}"
        place.parent.mkdir(exist_ok=True)
        with place.open("wb") as file:
            for _ in range(SIZE >> 20):
                digest.update(block)
                file.write(block)
        oid = digest.hexdigest()
        place = place.rename(place.with_name(oid))
        paths.append(str(place))
        for name in ("one", "two")[number:]:
            (folder / name).mkdir(exist_ok=True)
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {SIZE}\n"
            (folder / name / f"{number}.safetensors").write_text(pointer)
    return paths


def main() -> None:
    """Alternate all commands, then print one row each."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make(folder)
        store = str(folder / "store")
        found = alternated(
            {
                "openssl": ["openssl", "dgst", "-sha256", paths[0]],
                "openssl twice": [
                    "sh",
                    "-c",
                    'for p; do openssl dgst -sha256 "$p" & done; wait',
                    "sh",
                    *paths,
                ],
                "one object": python(SUBJECT, str(folder / "one"), store),
                "two objects": python(SUBJECT, str(folder / "two"), store),
                "without content": python(WITHOUT, str(folder / "two"), store),
            },
            rounds,
        )
    print(f"{platform.machine()}, Python {platform.python_version()}, minimum of {rounds} alternated rounds")
    for key, spent in found.items():
        print(f"{key:<18}{spent.cpu:>8.3f} s CPU{spent.wall:>8.3f} s wall  {spent.said}")
    cpu = found["one object"].cpu / found["openssl"].cpu
    wall = found["two objects"].wall / found["one object"].wall
    twice = found["openssl twice"].wall / found["openssl"].wall
    print(f"openssl on two files at once: {twice:.2f} x the wall of one")
    print(
        f"one object: {cpu:.2f} x openssl's CPU (reach 1.1); two objects: {wall:.2f} x the wall of one (reach 1.15)"
    )


if __name__ == "__main__":
    main()
