"""Tensors compared as numbers under their own names, where no effective update is known: other methods than LoRA."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts._safetensors import shown
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._engine import Pair, sums_of_pairs
from auditor.compare._measured import Measured
from auditor.compare._open_sets import open_side
from auditor.compare._packed import MARK
from auditor.compare._relation import Unmeasured, judged
from auditor.compare._sets import WeightSet
from auditor.compare.tensors import Sums, sums_by_name
from auditor.errors import CannotRead
from auditor.model import AdapterComparison

if TYPE_CHECKING:
    from auditor.compare._running import RunningSums

BYTE_LIMIT = 64 * 1024**3
"""Most bytes of one side that are compared number by number: some 40 seconds of one core, once they are in memory."""
_SAID = 3
_INERT = frozenset(
    {
        *(
            "auto_mapping",
            "base_model_name_or_path",
            "revision",
            "peft_version",
            "inference_mode",
            "task_type",
        ),
        *(
            "lora_dropout",
            "module_dropout",
            "rank_dropout",
            "vera_dropout",
            "boft_dropout",
            "encoder_dropout",
        ),
        *("vblora_dropout", "randlora_dropout", "init_weights", "init_lora_weights", "init_ia3_weights"),
        *("prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs"),
        *("total_step", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight"),
    }
)
"""Settings that act while training only, or tell where the adapter comes from."""


class AsTheyAre:
    """`compare_as_they_are` for tensors that are looked at in any order, each once. ``names`` are to be looked at."""

    def __init__(self, one: WeightSet, two: WeightSet) -> None:
        self._one, self._two = one, two
        self._alone: dict[str, int] = {}
        self._wanted: dict[str, tuple[AdapterWeights, AdapterWeights]] = {}
        self._found: dict[str, Measured | Unmeasured] = {}
        self._sums: dict[str, Sums | CannotRead] = {}
        self._packed: frozenset[str] = frozenset()
        self._is_large = max(_bytes(one.files), _bytes(two.files)) > BYTE_LIMIT
        if not self._is_large:
            self._sort_out()

    @property
    def names(self) -> Sequence[str]:
        """Tensors whose numbers are wanted, in the order of the base, then of the head."""
        return tuple(self._wanted)

    def look(self, names: Iterable[str], told: Callable[[str], None] = lambda name: None) -> None:
        """Read some tensors; ``told`` hears of each that is done."""
        asked = list(names)
        for name, sums in sums_by_name([(n, *self._wanted[n]) for n in asked if n not in self._packed]):
            self.take([(name, sums)])
            told(name)
        self._look_at_packed([name for name in asked if name in self._packed])

    def _look_at_packed(self, names: Sequence[str]) -> None:
        """Weights in 4 bits, as the numbers they stand for."""
        if not names:
            return
        with ExitStack() as stack:
            sides = open_side(self._one, stack), open_side(self._two, stack)
            pairs: list[Pair] = []
            for name in names:
                alone = self._alone.get(name)
                chosen = sides if alone is None else (sides[alone], sides[alone])
                try:
                    pairs.append(Pair(name, chosen[0].source(name), chosen[1].source(name)))
                except CannotRead as error:
                    self.take([(name, error)])
            self.take(sums_of_pairs(pairs))

    def running(self, files: tuple[int, int], name: str) -> "RunningSums | None":
        """What sums up a tensor of the files of these numbers while it passes by in slices; None for packed ones."""
        from auditor.compare._running import RunningSums

        if name in self._packed:
            return None
        alone = self._alone.get(name)
        some = files if alone is None else (files[alone],)
        return RunningSums([(file, name) for file in some], lambda sums: self.take([(name, sums)]))

    def take(self, sums: Iterable[tuple[str, Sums | CannotRead]]) -> None:
        """Take sums that somebody else has; of a tensor on one side only those with itself."""
        self._sums.update(sums)

    def result(self) -> AdapterComparison:
        """The relation, when all names were looked at."""
        names = self._one.files[0].path, self._two.files[0].path
        if self._is_large:
            why = f"the files have more than {BYTE_LIMIT // 1024**3} GB, too much to compare here"
            return AdapterComparison(*names, "not comparable", why=why)
        looked = {name: _measured(name, self._sums[name], self._alone.get(name)) for name in self._wanted}
        found = {**self._found, **looked, **self._copies()}
        measured = {name: item for name, item in found.items() if isinstance(item, Measured)}
        unmeasured = {name: item for name, item in found.items() if isinstance(item, Unmeasured)}
        whole = judged(*names, measured, unmeasured=unmeasured, updates=False)
        problems = [*self._one.problems, *self._two.problems]
        clauses = list(dict.fromkeys([*filter(None, (whole.why,)), *problems[:_SAID]]))
        if len(problems) > _SAID:
            clauses.append(f"{len(problems) - _SAID} more of the kind")
        relation = "different" if whole.relation == "subset" else whole.relation
        return replace(whole, relation=relation, why="; ".join(clauses) or None)

    def _copies(self) -> Mapping[str, Unmeasured]:
        """Tensors that a side holds twice, where it matters which of the two a loader takes."""
        last = self._one.last_places(), self._two.last_places()
        others = {
            name: (last[0].get(name, base), last[1].get(name, head))
            for name, (base, head) in self._wanted.items()
            if name not in self._alone and (name in last[0] or name in last[1])
        }
        alike = [
            (name, base, head)
            for name, (base, head) in others.items()
            if base.tensors[name].shape == head.tensors[name].shape
        ]
        same = {name for name, s in sums_by_name(alike) if isinstance(s, Sums) and not s.differing}
        says = {**self._two.twice, **self._one.twice}
        return {name: Unmeasured(says[name]) for name in others if name not in same}

    def _sort_out(self) -> None:
        """Which tensors can be compared, and why others cannot."""
        left, right = self._one.places(), self._two.places()
        (one, parts), (two, others) = _unpacked(self._one), _unpacked(self._two)
        self._packed = frozenset({**one, **two})
        for name in {**left, **right}.keys() - parts - others if parts or others else {**left, **right}:
            base, head = left.get(name), right.get(name)
            if base is not None and head is not None:
                shapes = [
                    list(forms.get(name, side.tensors[name].shape))
                    for forms, side in ((one, base), (two, head))
                ]
                if shapes[0] == shapes[1]:
                    self._wanted[name] = base, head
                else:
                    sizes = f"{shapes[0]} on one side and {shapes[1]} on the other"
                    self._found[name] = Unmeasured(f"tensor {shown(name)} is {sizes}", "different")
            elif (side := base or head) is not None:
                if why := (self._two if base is not None else self._one).why_absent(name):
                    self._found[name] = Unmeasured(why)
                    continue
                self._alone[name] = 0 if base is not None else 1
                self._wanted[name] = side, side


def compare_as_they_are(
    base: WeightSet | Sequence[AdapterWeights], head: WeightSet | Sequence[AdapterWeights]
) -> AdapterComparison:
    """Compare all tensors of both sides by name, however they are cut into files; nothing is raised.

    ``modules`` are tensors, with the norms of the numbers themselves. A tensor of one side only is compared with
    nothing, which is zero; it is no update, so having fewer tensors is a difference. One that may be in a shard that is
    not here is not compared. The paths are those of the first files, of which there has to be one.
    """
    one, two = (side if isinstance(side, WeightSet) else WeightSet.of(side) for side in (base, head))
    found = AsTheyAre(one, two)
    found.look(found.names)
    return found.result()


def _unpacked(weights: WeightSet) -> tuple[Mapping[str, tuple[int, ...]], frozenset[str]]:
    """(shapes of the weights that are stored in 4 bits, names of their scales and states)."""
    if not any(MARK in name for item in weights.files for name in item.tensors):
        return {}, frozenset()
    with ExitStack() as stack:
        side = open_side(weights, stack)
        return {name: item.shape for name, item in side.packed.items()}, side.parts


def _measured(name: str, sums: Sums | CannotRead, alone: int | None) -> Measured | Unmeasured:
    """What the sums of a tensor make of it; ``alone`` is the only side that has it, 0 or 1."""
    if isinstance(sums, CannotRead):
        return Unmeasured(f"a weight file {sums.reason}")
    verdict = "same" if alone is None and not sums.differing else "different"
    if sum(sums.nan) + sum(sums.inf):
        return Unmeasured(f"tensor {shown(name)} holds NaN or infinite values", verdict)
    if not math.isfinite(sums.aa + sums.bb + sums.dd):
        return Unmeasured(f"tensor {shown(name)} holds numbers too large for their squares", verdict)
    if alone is None:
        return Measured(sums.aa, sums.bb, sums.dd, not sums.differing)
    return Measured(sums.aa if alone == 0 else 0.0, sums.aa if alone == 1 else 0.0, sums.aa)


def settings_that_differ(base: Mapping[str, object], head: Mapping[str, object]) -> tuple[str, ...]:
    """Keys of two adapter_config.json that decide what the tensors do and hold different values."""
    keys = [key for key in {**base, **head} if key not in _INERT]
    return tuple(key for key in keys if _plain(base.get(key)) != _plain(head.get(key)))


def _plain(value: object) -> object:
    if isinstance(value, list):
        return frozenset(str(item) for item in value) or None
    return value if value not in ({}, False, "") else None


def _bytes(files: Sequence[AdapterWeights]) -> int:
    return sum(item.size for item in files)
