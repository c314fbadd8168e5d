"""Fields of files that torch saved: settings, counters, moments, generators."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy

from auditor.artifacts.optimizer_state import OptimizerState
from tests.builders.blobs import blob
from tests.builders.pickles import Call
from tests.builders.torch_files import Place, TorchFile, leaves, replaced, without
from tests.mutation.values import Mutation, variants

Array = numpy.ndarray[Any, numpy.dtype[numpy.float32]]


def of_settings(path: str, data: bytes, skip: tuple[str, ...] = ()) -> Iterator[Mutation]:
    """Every plain value of a pickled file, at its dotted name."""
    file = TorchFile(data)
    for at, value in leaves(file.value):
        if at[0] in skip:
            continue
        name = "." + ".".join(map(str, at))
        for how, other in variants(value):
            yield Mutation(path, name, how, partial(_set, file, at, other))
        if isinstance(at[-1], str):
            yield Mutation(path, name, "removed", partial(_without, file, at))


def _set(file: TorchFile, at: Place, other: object) -> bytes:
    return file.with_value(replaced(file.value, at, other))


def _without(file: TorchFile, at: Place) -> bytes:
    return file.with_value(without(file.value, at))


def of_optimizer(path: str, data: bytes) -> Iterator[Mutation]:
    """Every setting of the groups, every step count, and every moment as a tensor."""
    yield from of_settings(path, data, ("state",))
    file, state = TorchFile(data), OptimizerState.parse(blob(data, path))
    steps = _step_storages(file.value)
    for entry in state.entries:
        where = f"state/{entry.index}"
        count = numpy.frombuffer(file.entries[file.storage(steps[entry.index])], "<f4") + numpy.float32(1)
        yield Mutation(
            path, f"{where}/step", "+ 1", partial(file.with_storage, steps[entry.index], count.tobytes())
        )
        for name, ref in entry.tensors.items():
            values = numpy.frombuffer(file.entries[file.storage(ref.storage_key)], "<f4")
            for how, other in tensor_variants(values):
                made = partial(file.with_storage, ref.storage_key, other.tobytes())
                yield Mutation(path, f"{where}/{name}", how, made)


def tensor_variants(values: Array) -> Iterator[tuple[str, Array]]:
    """A tensor with its largest element ten times as large, scaled, zeroed, and with a NaN."""
    if not values.any():
        return
    middle = int(numpy.abs(values).argmax())
    one = values.copy()
    one[middle] *= 10
    yield "largest element * 10", one
    yield "* 1.01", values * numpy.float32(1.01)
    yield "zeroed", numpy.zeros_like(values)
    broken = values.copy()
    broken[middle] = numpy.nan
    yield "NaN", broken


def _step_storages(value: object) -> dict[int, str]:
    """The storage key of each parameter's step count, from the persistent id inside its tensor."""
    assert isinstance(value, dict)
    # The strings of the id are "storage", the key and the device, each behind X and its length.
    return {
        i: entry["step"].arguments[0].data.split(b"X")[2][4:].decode() for i, entry in value["state"].items()
    }


def of_rng(path: str, data: bytes) -> Iterator[Mutation]:
    """Words of Python's, NumPy's and torch's generators at the start, in the middle and at the end, and counters."""
    file = TorchFile(data)
    state = file.value
    assert isinstance(state, dict)
    for name, changes in (("python", _python(state["python"])), ("numpy", _numpy(state["numpy"]))):
        for field, other in changes.items():
            made = partial(file.with_value, {**state, name: other})
            yield Mutation(path, f"{name} {field}", "changed", made)
    entry = next(name for name in file.entries if "/data/" in name)
    words = {f"word {at}": 24 + 8 * at for at in (0, 311, 623)}
    for field, offset in {**_CPU, **words}.items():
        bad = bytearray(file.entries[entry])
        bad[offset] = (bad[offset] + 1) % 256
        made = partial(file.with_storage, entry.rpartition("/")[2], bytes(bad))
        yield Mutation(path, f"cpu {field}", "+ 1", made)


_CPU = {"seed": 0, "left": 8, "seeded": 12, "next": 16}
"""Offsets of CPUGeneratorImplStateLegacy (ATen/CPUGeneratorImpl.cpp)."""


def _python(state: tuple[Any, ...]) -> Mapping[str, object]:
    version, words, gauss = state
    found: dict[str, object] = {"version": (4, words, gauss), "gauss_next": (version, words, 0.5)}
    for at, change in ((0, 1), (311, 1), (623, 1), (624, -5)):
        other = [*words]
        other[at] += change
        found[f"word {at}"] = (version, tuple(other), gauss)
    return found


def _numpy(state: tuple[Any, ...]) -> Mapping[str, object]:
    kind, keys, position, has_gauss, cached = state
    found: dict[str, object] = {
        "position": (kind, keys, 7, has_gauss, cached),
        "has_gauss": (kind, keys, position, 1, cached),
        "cached gaussian": (kind, keys, position, has_gauss, 0.5),
    }
    assert isinstance(keys, Call)
    assert isinstance(keys.state, tuple)
    raw = keys.state[4]
    for at in (0, 311, 623):
        text = list(raw.arguments[0])
        text[4 * at] = chr((ord(text[4 * at]) + 1) % 256)
        changed = replace(raw, arguments=("".join(text), *raw.arguments[1:]))
        found[f"word {at}"] = (kind, replace(keys, state=(*keys.state[:4], changed)), *state[2:])
    return found
