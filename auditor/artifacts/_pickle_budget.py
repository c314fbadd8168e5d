"""What reading one pickle may cost: copies of shared parts, and dict keys that a file could choose to collide."""

from auditor.artifacts._pickle_values import EnumValue, GlobalRef, TooMuch, bounded

_INTEGER_KEYS = 50_000
"""Integer keys out of sequence. Python does not salt their hashes, so a file can choose them to collide; at this
number the worst dict costs seconds. An optimizer's keys are in sequence and do not count."""
_COPIES = 16_000_000
_FREE_COPIES = 100_000
"""What a value costs to write is at least what it costs to copy once; shared words of arguments need some more."""
_SIZED = frozenset({str, bytes, list, tuple, dict})
_HASHED_BITS = 61
"""Integers of more bits hash modulo 2**61 - 1 (CPython, pyhash.h), so that any number of them share one hash."""


class Budget:
    """The allowance of a pickle of ``size`` bytes."""

    def __init__(self, size: int) -> None:
        self._copies = min(size + _FREE_COPIES, _COPIES)
        self._keys = _INTEGER_KEYS

    def charge(self, *copied: object) -> None:
        """Account for values about to be copied. TooMuch when shared parts are copied again and again."""
        self._copies -= 1
        for value in copied:
            if isinstance(value, str | bytes | list | tuple | dict):
                self._copies -= len(value)
        if self._copies < 0:
            raise TooMuch("holds a pickle that repeats its parts more often than a file of its size needs")

    def charge_call(self, arguments: tuple[object, ...]) -> None:
        """Account for arguments about to be spread and copied, each of them too."""
        self._copies -= 2 + len(arguments)
        for value in arguments:
            if type(value) in _SIZED:
                self._copies -= len(value)  # type: ignore[arg-type]
        if self._copies < 0:
            raise TooMuch("holds a pickle that repeats its parts more often than a file of its size needs")

    def count_key(self) -> None:
        """Account for an integer a dict is keyed by. TooMuch beyond the limit."""
        self._keys -= 1
        if self._keys < 0:
            raise TooMuch(f"holds a pickle with more than {_INTEGER_KEYS:,} integer keys out of sequence")

    def key(self, value: object, expected: int) -> object:
        """A dict key that is cheap to hash: atoms and short tuples of texts as they are, else the type's name.

        ``expected`` is the integer that would be next in sequence.
        """
        if isinstance(value, int) and not isinstance(value, bool):
            if value != expected:
                self.count_key()
            return value if value.bit_length() < _HASHED_BITS else bounded(value)
        if value is None or isinstance(value, str | bool | float | bytes):
            return value
        if isinstance(value, EnumValue | GlobalRef):
            return str(value)
        return value if _is_short(value) else f"<{type(value).__name__}>"


def _is_short(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) > 4:
        return False
    return all(isinstance(item, str) and len(item) < 200 for item in value)
