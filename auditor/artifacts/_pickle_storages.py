"""Storages of tensors as a pickle names them, each of one dtype and length."""

from __future__ import annotations

from auditor.artifacts import _pickle_names as names
from auditor.artifacts._pickle_values import GlobalRef, NotRead, StorageRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from auditor.artifacts._pickle_machine import Machine


def storage(machine: Machine, identity: object) -> object:
    """torch's persistent id: ("storage", type, key, location, numel[, view])."""
    if isinstance(identity, tuple) and len(identity) >= 5 and identity[0] == "storage":
        _, kind, key, location, numel = identity[:5]
        texts = isinstance(key, str) and isinstance(location, str) and len(key) < 100 and len(location) < 100
        if (
            texts
            and isinstance(kind, GlobalRef)
            and names.is_storage(kind)
            and isinstance(numel, int)
            and numel >= 0
        ):
            # torch below 1.0 wrote views with an offset that no tensor here carries: nothing is read of them.
            place = f"{key} (a view)" if len(identity) > 5 and identity[5] is not None else str(key)
            dtype = names.STORAGES[kind.name]
            _remember(machine, place, dtype, numel)
            return StorageRef(dtype, place, numel, str(location))
    return machine.refuse_object("a persistent object that is no tensor storage", identity)


def _remember(machine: Machine, key: str, dtype: str, numel: int) -> None:
    """torch makes a storage where it is named first and takes that one wherever it is named again, whatever is said of
    it there (torch 2.13.0, serialization.py, `persistent_load`), and refuses to save one as two dtypes unless it is
    empty. NotRead where a name is used for two.
    """
    if machine.storages.setdefault(key, (dtype, numel)) != (dtype, numel) and numel:
        raise NotRead(
            f"names tensor storage {key} with two dtypes or lengths, which no release of torch writes"
        )
