"""training_args.bin: what the training code was given, read as opcodes although it is a pickle of live objects."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickle_values import Instance
from auditor.artifacts._pickled import Pickled
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead
from auditor.model import Fact

_IGNORABLE = frozenset(
    {
        *("output_dir", "logging_dir", "run_name", "_n_gpu", "local_rank", "distributed_state", "device"),
        *(
            "hub_model_id",
            "__cached__setup_devices",
            "deepspeed_plugin",
            "hf_deepspeed_config",
            "mp_parameters",
        ),
    }
)
_ATTRIBUTES = 1000
"""Most attributes kept; TRL's largest configuration has some 200."""
_NODES = 2000
"""Most values kept of one attribute."""
_SECRET = re.compile(r"(^|_)(token|api_key|secret|password|access_key)\Z", re.IGNORECASE)
_VOCABULARY = frozenset(
    {f"{kind}_token" for kind in ("eos", "bos", "pad", "unk", "sep", "cls", "mask", "image")}
)
"""Names of special tokens, which TRL's arguments hold; they are words, not secrets."""


@dataclass(frozen=True, slots=True)
class TrainingArgs(Pickled):
    """One training_args.bin.

    ``class_name`` is the qualified name of the pickled class. ``values`` are its attributes as plain data: enums by
    their value, devices as text. A value whose key names a secret (``hub_token``, ``api_key``, ...), at any depth, is
    kept only as "<set>", None or a number.
    """

    patterns: ClassVar[tuple[str, ...]] = ("training_args.bin",)
    path: str
    class_name: str
    values: Mapping[str, object]

    @classmethod
    def taken(cls, archive: PickleArchive) -> Self:
        """Read the attributes. Raises CannotRead when the file holds something else than one instance."""
        value = archive.value
        if not isinstance(value, Instance):
            raise CannotRead("does not hold training arguments")
        if len(value.state) > _ATTRIBUTES:
            raise CannotRead(f"holds {len(value.state):,} training arguments, more than any trainer takes")
        state = {str(key): _kept(str(key), plain(item, nodes=_NODES)) for key, item in value.state.items()}
        return cls(archive.path, value.qualified_name, state)

    def get(self, key: str, default: object = None) -> object:
        """The value of an attribute, or the default."""
        return self.values.get(key, default)

    def number(self, key: str) -> float | None:
        """The value of an attribute when it is a number."""
        value = self.values.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def world_size(self) -> int | None:
        """Processes of the run as accelerate's PartialState recorded them (``num_processes``), when it did."""
        state = self.values.get("distributed_state")
        count = state.get("num_processes") if isinstance(state, dict) else None
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    def facts(self) -> Mapping[str, Fact]:
        """Every attribute; paths, devices and names of the run do not count as differences."""
        return {key: Fact(value, ignorable=_ignorable(key)) for key, value in self.values.items()}


def _ignorable(key: str) -> bool:
    return key in _IGNORABLE or _is_secret(key)


def _is_secret(key: str) -> bool:
    return bool(_SECRET.search(key)) and key not in _VOCABULARY


def _masked(value: object) -> object:
    """Plain data (five levels at most) without the values of secrets."""
    if isinstance(value, dict):
        return {key: _kept(key, item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _kept(key: str, value: object) -> object:
    if _is_secret(key) and isinstance(value, str | list | dict):
        return "<set>"
    return _masked(value)
