"""What reading one pickle comes to."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from auditor.artifacts._pickle_values import UnsafeCall


class Reading:
    """What one pickle holds; no value where reading stopped early, and ``damage``, which completes "the file ...".

    ``storages`` are dtype and elements of each storage of torch by its key, whoever uses it.
    ``refused`` are objects that only a special loader can make: noise in bytes that are no pickle. ``is_damaged`` says
    that no more bytes, and no more patience, would help; ``is_stopped`` that a program would have read on."""

    __slots__ = (
        "damage",
        "end",
        "globals",
        "is_damaged",
        "is_stopped",
        "protocol",
        "refused",
        "storages",
        "unknown",
        "unsafe",
        "value",
    )

    def __init__(self) -> None:
        self.value: object = None
        self.globals: dict[str, None] = {}
        self.unknown: dict[str, None] = {}
        self.unsafe: list[UnsafeCall] = []
        self.storages: dict[str, tuple[str, int]] = {}
        self.protocol = 0
        self.end = 0
        self.refused: list[UnsafeCall] = []
        self.damage: str | None = None
        self.is_damaged = False
        self.is_stopped = False
