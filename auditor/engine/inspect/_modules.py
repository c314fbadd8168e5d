"""The modules of an adapter: what the file holds of each, what was measured, and what is unusual about it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.artifacts.base_config import BaseConfig
from auditor.engine.inspect._names import parts_of
from auditor.model.inspection import Condition, ModuleInspection

if TYPE_CHECKING:
    from auditor.compare.spectrum import UpdateDescription

_ZERO = 1e-12
"""Part of the largest singular value below which one is zero: float64 rounds at 1e-16, factors in float16 at 1e-4."""
_MISSING_LIMIT = 10_000
"""Most modules that are named as missing: a hostile configuration may describe a model of any size."""


def modules_of(
    weights: AdapterWeights,
    config: AdapterConfig | None,
    base: BaseConfig | None,
    numbers: Mapping[str, "UpdateDescription"],
    odd: Mapping[str, Sequence[Condition]],
    why: str | None,
) -> tuple[ModuleInspection, ...]:
    """Every module with LoRA tensors in the order of the file, then those that have none and should.

    ``why`` says why ``numbers`` is empty; ``odd`` are conditions that show only beside other modules.
    """
    found = [
        _module(name, pair, config, numbers.get(name), odd.get(name, ()), why)
        for name, pair in weights.pairs().items()
    ]
    return (*found, *_missing(found, config, base))


def _module(
    name: str,
    pair: LoraPair,
    config: AdapterConfig | None,
    numbers: "UpdateDescription | None",
    odd: Sequence[Condition],
    why: str | None,
) -> ModuleInspection:
    group, layer, kind = parts_of(name)
    shape, dtypes, parameters = _form(pair)
    found = ModuleInspection(
        module=name,
        group=group,
        layer=layer,
        kind=kind,
        shape=shape,
        rank=pair.rank,
        scaling=_scaling(config, name),
        parameters=parameters,
        dtypes=dtypes,
        conditions=tuple(_incomplete(pair)),
        why=why,
    )
    if numbers is None:
        return found
    return replace(
        found,
        scaling=numbers.scaling,
        norm=math.nan if numbers.norm is None and numbers.nan + numbers.infinite else numbers.norm,
        spectrum=numbers.spectrum,
        effective_rank=numbers.effective_rank,
        largest_a=numbers.largest_a,
        largest_b=numbers.largest_b,
        nan=numbers.nan,
        infinite=numbers.infinite,
        conditions=(*found.conditions, *_conditions(numbers), *odd),
        why=numbers.why,
    )


def _scaling(config: AdapterConfig | None, module: str) -> float | None:
    scaling = math.nan if config is None else config.scaling_of(module)
    return scaling if math.isfinite(scaling) else None


@lru_cache(maxsize=4096)
def _form(pair: LoraPair) -> tuple[tuple[int, int] | None, tuple[str, ...], int]:
    """Shape, dtypes and parameters; remembered, because a run's checkpoints hold the same modules."""
    infos = [info for info in (pair.a, pair.b, pair.magnitude) if info is not None]
    dtypes = tuple(dict.fromkeys(info.dtype for info in infos))
    return _shape(pair), dtypes, sum(info.elements for info in infos)


def _shape(pair: LoraPair) -> tuple[int, int] | None:
    """(out, in) of the update, a convolution's kernel counted into in; that of an embedding is transposed."""
    if pair.a is None or pair.b is None or not pair.a.shape or not pair.b.shape or not pair.a.shape[0]:
        return None
    out, inside = pair.b.shape[0], pair.a.elements // pair.a.shape[0]
    return (inside, out) if pair.is_embedding else (out, inside)


def _incomplete(pair: LoraPair) -> Iterator[Condition]:
    if pair.a is None or pair.b is None:
        there, gone = ("lora_A", "lora_B") if pair.b is None else ("lora_B", "lora_A")
        yield Condition("incomplete", f"the file holds {there} of this module and no {gone}")


def _conditions(numbers: "UpdateDescription") -> Iterator[Condition]:
    if numbers.nan or numbers.infinite:
        counts = [(numbers.nan, "NaN"), (numbers.infinite, "infinite values")]
        says = " and ".join(f"{count:,} {word}" for count, word in counts if count)
        yield Condition("not finite", f"the factors hold {says}")
    elif numbers.norm == 0:
        side = "lora_B is zero" if numbers.largest_b == 0 else "the product of the factors is zero"
        yield Condition("dead", f"{side}, so the module does nothing")
    elif idle := _idle_ranks(numbers.spectrum):
        says = f"{idle} of {len(numbers.spectrum)} ranks do nothing, as if they had never been trained"
        yield Condition("half-trained", says)


def _idle_ranks(spectrum: Sequence[float]) -> int:
    """Singular values that are zero: training leaves none, padding, pruning and a frozen part of a factor do."""
    return sum(value <= _ZERO * spectrum[0] for value in spectrum)


def _missing(
    found: Sequence[ModuleInspection], config: AdapterConfig | None, base: BaseConfig | None
) -> Iterator[ModuleInspection]:
    """Modules without tensors: those that the configuration targets in a known base, else holes between layers."""
    if config is None or not found:
        return
    if base is not None:
        expected = _of_base(found, config, base)
        if expected is not None:
            yield from expected
            return
    yield from _holes(found, config)


def _of_base(
    found: Sequence[ModuleInspection], config: AdapterConfig, base: BaseConfig
) -> list[ModuleInspection] | None:
    """Targeted modules of the base that have no tensors; None when its modules are not known.

    Of several classes that may have been trained the one counts that has most of the file's modules.
    """
    from auditor.architectures._names import module_key
    from auditor.architectures._wrapping import candidates, undecidable, wrapped

    structures = candidates(base, config)
    if isinstance(structures, str):
        return None
    there = {module_key(module.module) for module in found}
    best: list[str] | None = None
    most = 0
    for structure in structures:
        if undecidable(structure, config) is not None:
            continue
        names = [module.name for module in wrapped(structure, config)]
        absent = [name for name in names if module_key(name) not in there]
        if len(names) - len(absent) > most:
            best, most = absent, len(names) - len(absent)
    if best is None:
        return None
    says = "adapter_config.json targets this module of the base model, and the file holds no tensors for it"
    return [_absent(name, says) for name in _spelled_as(found, best[:_MISSING_LIMIT])]


def _spelled_as(found: Sequence[ModuleInspection], names: Sequence[str]) -> list[str]:
    """Names of the base as the file spells its neighbours: releases wrap a model's towers differently."""
    from auditor.architectures._names import module_key

    prefixes: dict[tuple[str, str], str] = {}
    for module in found:
        tower, tail = module_key(module.module)
        if module.module.endswith(tail):
            prefixes.setdefault((tower, tail.partition(".")[0]), module.module[: -len(tail)])
    keys = map(module_key, names)
    return [
        name if (start := prefixes.get((tower, tail.partition(".")[0]))) is None else start + tail
        for name, (tower, tail) in zip(names, keys, strict=True)
    ]


def _holes(found: Sequence[ModuleInspection], config: AdapterConfig) -> Iterator[ModuleInspection]:
    """Kinds of module that some layers of a group have and others, which have other kinds, lack."""
    layers: dict[str, set[int]] = {}
    have: dict[tuple[str, str], set[int]] = {}
    for module in found:
        if module.layer is not None:
            layers.setdefault(module.group, set()).add(module.layer)
            have.setdefault((module.group, module.kind), set()).add(module.layer)
    budget = _MISSING_LIMIT
    for (group, kind), own in have.items():
        all_layers = range(min(layers[group]), max(layers[group]) + 1)
        absent = [layer for layer in all_layers if layer not in own]
        # A kind that fewer than half of the layers have belongs to some layers by design.
        if not absent or 2 * len(own) < len(all_layers):
            continue
        for layer in absent[:budget]:
            name = f"{group}.{layer}.{kind}" if group else f"{layer}.{kind}"
            if config.targets(name):
                says = f"no tensors, and {_others(len(own))} of this kind; the base model is not known here"
                yield _absent(name, says)
                budget -= 1


def _others(count: int) -> str:
    return f"{count} other layers have one" if count > 1 else "another layer has one"


def _absent(name: str, says: str) -> ModuleInspection:
    group, layer, kind = parts_of(name)
    return ModuleInspection(
        name, group, layer, kind, conditions=(Condition("missing", says),), why="the file holds no tensors"
    )
