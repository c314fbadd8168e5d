"""Fields of files that torch saved: settings, counters, moments, generators."""

from collections.abc import Iterator
from dataclasses import replace

import numpy

from auditor.artifacts.optimizer_state import OptimizerState
from tests.builders.blobs import blob
from tests.builders.pickles import Call
from tests.builders.torch_files import TorchFile, leaves, replaced, without
from tests.mutation.values import Mutation, variants


def of_settings(path: str, data: bytes, skip: tuple[str, ...] = ()) -> Iterator[Mutation]:
    """Every plain value of a pickled file, at its dotted name."""
    file = TorchFile(data)
    for at, value in leaves(file.value):
        if at[0] in skip:
            continue
        name = "." + ".".join(map(str, at))
        for how, other in variants(value):
            changed = replaced(file.value, at, other)
            yield Mutation(path, name, how, lambda changed=changed: file.with_value(changed))  # type: ignore[misc]
        if isinstance(at[-1], str):
            yield Mutation(path, name, "removed", lambda at=at: file.with_value(without(file.value, at)))  # type: ignore[misc]


def of_optimizer(path: str, data: bytes) -> Iterator[Mutation]:
    """Every setting of the groups, every step count, and every moment as a tensor."""
    yield from of_settings(path, data, ("state",))
    file, state = TorchFile(data), OptimizerState.parse(blob(data, path))
    steps = _step_storages(file.value)
    for entry in state.entries:
        count = numpy.frombuffer(file.entries[file.storage(steps[entry.index])], "<f4")
        more = (count + 1).astype("<f4").tobytes()
        key = steps[entry.index]
        yield Mutation(
            path, f"state/{entry.index}/step", "+ 1", lambda key=key, more=more: file.with_storage(key, more)
        )  # type: ignore[misc]
        for name, ref in entry.tensors.items():
            values = numpy.frombuffer(file.entries[file.storage(ref.storage_key)], "<f4")
            for how, other in tensor_variants(values):
                yield Mutation(
                    path,
                    f"state/{entry.index}/{name}",
                    how,
                    lambda key=ref.storage_key, other=other: file.with_storage(key, other.tobytes()),  # type: ignore[misc]
                )


def tensor_variants(
    values: "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]",
) -> Iterator[tuple[str, numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]]]:
    """A tensor with one element moved by the tensor's largest magnitude, scaled, zeroed, and with a NaN."""
    if not values.any():
        return
    one = values.copy()
    middle = int(numpy.abs(values).argmax())
    one[middle] += 2 * numpy.abs(values).max()
    yield "one element changed", one
    yield "* 1.01", (values * numpy.float32(1.01)).astype("<f4")
    yield "zeroed", numpy.zeros_like(values)
    broken = values.copy()
    broken[middle] = numpy.nan
    yield "NaN", broken


def _step_storages(value: object) -> dict[int, str]:
    """The storage key of each parameter's step count, by the persistent id inside its tensor."""
    assert isinstance(value, dict)
    found = {}
    for index, entry in value["state"].items():
        identity = entry["step"].arguments[0]
        # BINUNICODE strings of the id: "storage", the key, the device.
        parts = identity.data.split(b"X")
        found[index] = parts[2][4:].decode()
    return found


def of_rng(path: str, data: bytes) -> Iterator[Mutation]:
    """Words of python's, NumPy's and torch's generators at the start, in the middle and at the end."""
    file = TorchFile(data)
    assert isinstance(file.value, dict)
    python = file.value["python"]
    for at in (0, 311, 623, 624):
        words = [*python[1]]
        words[at] += 1 if at < 624 else -5
        changed = {**file.value, "python": (python[0], tuple(words), python[2])}
        yield Mutation(path, f"python word {at}", "+ 1", lambda changed=changed: file.with_value(changed))  # type: ignore[misc]
    for place, other, name in ((0, 4, "python version"), (2, 0.5, "python gauss_next")):
        parts = [*python]
        parts[place] = other
        changed = {**file.value, "python": tuple(parts)}
        yield Mutation(path, name, "changed", lambda changed=changed: file.with_value(changed))  # type: ignore[misc]
    numpy_state = file.value["numpy"]
    for place, other, name in ((2, 7, "position"), (3, 1, "has_gauss"), (4, 0.5, "cached gaussian")):
        parts = [*numpy_state]
        parts[place] = other
        changed = {**file.value, "numpy": tuple(parts)}
        yield Mutation(path, f"numpy {name}", "changed", lambda changed=changed: file.with_value(changed))  # type: ignore[misc]
    for at in (0, 311, 623):
        changed = {**file.value, "numpy": _with_word(numpy_state, at)}
        yield Mutation(path, f"numpy word {at}", "+ 1", lambda changed=changed: file.with_value(changed))  # type: ignore[misc]
    key = next(name for name in file.entries if "/data/" in name)
    cpu = file.entries[key]
    for offset, name in (*_CPU, *((24 + 8 * at, f"word {at}") for at in (0, 311, 623))):
        bad = bytearray(cpu)
        bad[offset] = (bad[offset] + 1) % 256
        yield Mutation(
            path,
            f"cpu {name}",
            "+ 1",
            lambda bad=bytes(bad): file.with_storage(key.rpartition("/")[2], bad),  # type: ignore[misc]
        )


_CPU = ((0, "seed"), (8, "left"), (12, "seeded"), (16, "next"))
"""Offsets of CPUGeneratorImplStateLegacy (ATen/CPUGeneratorImpl.cpp)."""


def _with_word(state: tuple[object, ...], at: int) -> tuple[object, ...]:
    """NumPy's state with one word of its key changed."""
    keys = state[1]
    assert isinstance(keys, Call) and isinstance(keys.state, tuple)
    raw = keys.state[4]
    text = list(raw.arguments[0])
    text[4 * at] = chr((ord(text[4 * at]) + 1) % 256)
    changed = replace(raw, arguments=("".join(text), *raw.arguments[1:]))
    return (state[0], replace(keys, state=(*keys.state[:4], changed)), *state[2:])
