"""SHA-256 of contents at the speed of OpenSSL, several at a time; hashlib lets other threads run while it hashes."""

import hashlib
import os
from collections.abc import Callable, Sequence
from io import FileIO

_BUFFER = 1024 * 1024
"""Bytes a read; OpenSSL reaches its speed from some 64 KiB on."""
_THREADS = 4


def sha256_of(stream: FileIO, most: int | None = None) -> str:
    """The digest of a stream in hexadecimal, of its first ``most`` bytes at most."""
    digest = hashlib.sha256()
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    left = most
    while left is None or left > 0:
        got = stream.readinto(view if left is None else view[:left])
        if not got:
            break
        digest.update(view[:got])
        left = None if left is None else left - got
    return digest.hexdigest()


def together(tasks: Sequence[Callable[[], object]]) -> None:
    """Carry out tasks that spend their time hashing, in as many threads as there are cores, at most four."""
    threads = min(_THREADS, os.cpu_count() or 1, len(tasks))
    if threads < 2:
        for task in tasks:
            task()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda task: task(), tasks):
            pass
