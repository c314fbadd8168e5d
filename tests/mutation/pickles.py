"""Damaged pickles, made from healthy and from evil ones by a seed, and a child process that reads them all.

    python -m tests.mutation.pickles COUNT SEED CANARY

The child prints one JSON object: what went wrong, which audit events the interpreter raised, and the slowest item. A
count of 0 lets `pickle.loads` itself read one evil file, to show that the events and the canary would be seen.
"""

import io
import json
import os
import pickle
import pickletools
import random
import resource
import signal
import struct
import sys
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._readers import readers_of
from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL
from tests.builders.pickles import dumps, make_legacy, torch_zip

NESTED = {"a": [1, (2.5, "x", b"y", True, None)], "b": {1: {2, 3}, "c": [[[]]]}, "d": 2**70, "e": "é" * 300}
SECONDS = 1.0
"""CPU time of one item after which it counts as hanging."""
HEADROOM = 256 * 2**20
"""Bytes of address space that the child may take beyond what it has after a first pass over the healthy files."""


class Seed(NamedTuple):
    """A file's name, its pickle, and how the file is made of the pickle."""

    name: str
    pickle: bytes
    wrapped: Callable[[bytes], bytes]


class Hang(BaseException):
    """An item took longer than it may."""


def _pickle_in(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("archive/data.pkl")


def _zip(data: bytes) -> bytes:
    return torch_zip(data, {str(key): bytes(64) for key in range(8)})


def _legacy(data: bytes) -> bytes:
    """A legacy stream whose object is the pickle: magic number, protocol, system info, object, keys."""
    parts = make_legacy(None).split(dumps(None))
    return parts[0] + data + dumps([])


def _raw(data: bytes) -> bytes:
    return data


def seeds(command: str) -> tuple[Seed, ...]:
    """Training files in the zip and as legacy streams, plain pickles of each protocol, and evil ones."""
    files = {
        "training_args.bin": pickles.make_training_args({"learning_rate": 0.1, "optim": "adamw_torch"}),
        "optimizer.pt": pickles.make_optimizer([(2, 3), (4,), (1, 2)]),
        "rng_state.pth": pickles.make_torch(
            {"python": (3, (1, 2, 3), None), "cpu": pickles.Tensor([1.0], ())}
        ),
        "scheduler.pt": pickles.make_scheduler(),
        "scaler.pt": pickles.make_scaler(),
    }
    found = [Seed(name, _pickle_in(data), how) for name, data in files.items() for how in (_zip, _legacy)]
    found += [
        Seed(f"data{protocol}.pkl", pickle.dumps(NESTED, protocol), _raw)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]
    found += [
        Seed("training_args.bin", dumps(make(command)), how) for make in EVIL.values() for how in (_raw, _zip)
    ]
    return tuple(found)


def places(data: bytes) -> tuple[int, ...]:
    """Offsets of the operations of a pickle, as far as the standard library can tell."""
    found: list[int] = []
    with suppress(ValueError, IndexError, KeyError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes that newer Pythons warn about
        found.extend(place for _, _, place in pickletools.genops(data) if place is not None)
    return tuple(found) or (0,)


OPCODES = [ord(code.code) for code in pickletools.opcodes]
_LIES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


class Mutator:
    """Changes a pickle in one of the ways that damage or malice would; ``at`` are offsets of its operations."""

    def __init__(self, source: random.Random, command: str) -> None:
        self.random = source
        self.payloads = [dumps(make(command))[2:-1] for make in EVIL.values()]
        self.ways = (
            self.flip,
            self.cut,
            self.insert,
            self.opcode,
            self.lie,
            self.memo,
            self.nest,
            self.evil,
            self.twice,
        )

    def mutated(self, data: bytes) -> bytes:
        """One to four changes."""
        for _ in range(self.random.randint(1, 4)):
            data = self.random.choice(self.ways)(bytearray(data or b"."))
        return data

    def _place(self, data: bytearray) -> int:
        return self.random.choice(places(bytes(data)))

    def flip(self, data: bytearray) -> bytes:
        """Some bytes become others."""
        for _ in range(self.random.randint(1, 4)):
            data[self.random.randrange(len(data))] = self.random.randrange(256)
        return bytes(data)

    def cut(self, data: bytearray) -> bytes:
        """A piece is missing, or the end."""
        begin = self.random.randrange(len(data))
        end = len(data) if self.random.random() < 0.3 else begin + self.random.randint(1, 40)
        return bytes(data[:begin] + data[end:])

    def insert(self, data: bytearray) -> bytes:
        """Bytes of nothing in particular."""
        at = self.random.randint(0, len(data))
        return bytes(data[:at] + self.random.randbytes(self.random.randint(1, 20)) + data[at:])

    def opcode(self, data: bytearray) -> bytes:
        """An operation becomes another one, or one is put before it."""
        at, code = self._place(data), self.random.choice(OPCODES)
        if self.random.random() < 0.5:
            data[at] = code
        else:
            data[at:at] = bytes([code])
        return bytes(data)

    def lie(self, data: bytearray) -> bytes:
        """The length or number behind an operation is something else."""
        at = self._place(data) + 1
        form = self.random.choice(("<B", "<H", "<I", "<Q"))
        value = self.random.choice(_LIES) & (2 ** (8 * struct.calcsize(form)) - 1)
        return bytes(data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :])

    def memo(self, data: bytearray) -> bytes:
        """Something is remembered or recalled under a number of no sequence."""
        at, number = self._place(data), self.random.choice((0, 1, 7, 255, 2**20, 2**31, 2**32 - 1))
        code, form = self.random.choice(
            ((b"q", "<B"), (b"h", "<B"), (b"r", "<I"), (b"j", "<I"), (b"p", ""), (b"g", ""))
        )
        if not form:
            data[at:at] = code + b"%d\n" % self.random.choice((number, -number, number**3))
        else:
            data[at:at] = code + struct.pack(form, number & (2 ** (8 * struct.calcsize(form)) - 1))
        return bytes(data)

    def nest(self, data: bytearray) -> bytes:
        """Thousands of containers, one inside the other or side by side, and shared ones that double."""
        at, times = self._place(data), self.random.choice((2, 50, 3000))
        many = self.random.choice(
            (
                b"(" * times,
                b"]" * times + b"a" * (times - 1),
                b"N" + b"\x85" * times,
                b"N" + b"2\x86" * times,
                b"}" * times,
                b"(" * times + b"t" * times,
                b"\x8f" * times,
                b"N2" * times + b"0" * times,
            )
        )
        return bytes(data[:at] + many + data[at:])

    def evil(self, data: bytearray) -> bytes:
        """A call of os.system and its like stands in the middle."""
        at = self._place(data)
        return bytes(
            data[:at] + self.random.choice(self.payloads) + b"0" * self.random.randint(0, 1) + data[at:]
        )

    def twice(self, data: bytearray) -> bytes:
        """A piece stands there again, or the whole pickle follows itself."""
        begin = self._place(data)
        piece = data[begin : begin + self.random.randint(1, 200)]
        at = self.random.choice((self._place(data), len(data)))
        return bytes(data[:at] + piece * self.random.choice((1, 2, 300)) + data[at:])


def files(count: int, seed: int, command: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of so many damaged files; the same for the same seed."""
    source = random.Random(seed)
    mutator, known = Mutator(source, command), seeds(command)
    for _ in range(count):
        chosen = source.choice(known)
        data = chosen.wrapped(mutator.mutated(chosen.pickle))
        if source.random() < 0.1:
            data = mutator.flip(bytearray(data))  # the container too
        yield chosen.name, data


def use(name: str, data: bytes) -> None:
    """Everything that an audit does with a file: its readers, its facts, its values spelled out."""
    for reader in readers_of(f"run/{name}"):
        try:
            reader.parse(blob(data, f"run/{name}")).facts()
        except CannotRead as error:
            outcomes[error.reason.partition(" (")[0]] += 1
            continue
        outcomes["read"] += 1
    with suppress(CannotRead):
        archive = PickleArchive.parse(blob(data, f"run/{name}"))
        outcomes["calls refused"] += bool(archive.unsafe)
        plain(archive.value)
        repr(archive)
        tensors(archive)


outcomes: Counter[str] = Counter()


def _alarm(_: int, __: object) -> None:
    raise Hang


def main(arguments: Sequence[str]) -> None:
    """Read all items; print what was seen."""
    count, seed, canary = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    # By its name alone, so that the items are the same wherever the folder lies.
    os.chdir(canary.parent)
    command = f"touch {canary.name}"
    items = list(files(count, seed, command))
    for one in seeds(command):
        use(one.name, one.wrapped(one.pickle))
    outcomes.clear()
    events: Counter[str] = Counter()
    sys.addaudithook(lambda event, _: events.update([event]))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGVTALRM, _alarm)
    events.clear()
    wrong: list[str] = []
    slowest = (0.0, -1)
    if not items:
        pickle.loads(dumps(EVIL["reduce"](command)))
    for number, (name, data) in enumerate(items):
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        begin = time.process_time()
        try:
            use(name, data)
        except (Exception, Hang) as error:
            wrong.append(f"item {number} ({name}): {error!r}")
        slowest = max(slowest, (time.process_time() - begin, number))
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seen = dict(events)
    report = {"wrong": wrong, "events": seen, "slowest": slowest, "outcomes": outcomes, "items": len(items)}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
