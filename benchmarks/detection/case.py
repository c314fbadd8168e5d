"""One repository to judge: what it declares, what was trained, and how its files were made up."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.detection.edits import Edit, bare, disguised
from benchmarks.detection.recipe import ATTENTION, Recipe
from benchmarks.detection.repository import published

HONEST, CARELESS, CAREFUL, BARE = "honest", "careless", "careful", "bare"
"""How much was made up: nothing; the declaration alone; every file but what training computes; and that, with nothing
else committed than adapter, log and declaration."""
USUAL = {
    "gemma3": Recipe(architecture="gemma3", quantization=True, dropout=0.05),
    "llama": Recipe(architecture="llama", packing=False, eos=False, batch=4, accumulation=2),
    "qwen2": Recipe(architecture="qwen2", packing=False, eos=False, batch=4, accumulation=2, dropout=0.05),
}
"""The recipe that everything is a variant of: 12 optimizer steps each."""


@dataclass(frozen=True, slots=True)
class Case:
    """A repository and the truth about it; ``others`` are trainings whose files the edits take.

    ``span`` and ``steps`` are those of the question: `audit rerun --span SPAN --steps STEPS`; ``data`` is the
    variant of the dataset that is handed in with it. ``expected`` holds the verdicts that would be right of an honest
    run, and the outcomes ("caught", "inconclusive") of a falsified one, where they were written down beforehand.
    ``label`` tells cases of one kind apart.
    """

    kind: str
    level: str
    declared: Recipe
    trained: Recipe
    edits: tuple[Edit, ...] = ()
    others: tuple[Recipe, ...] = ()
    span: str = "auto"
    steps: int | None = None
    data: str = "train"
    expected: tuple[str, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        """Unique among the cases."""
        more = f", {self.label}" if self.label else ""
        return f"{self.declared.architecture}/{self.level}/{self.kind}{more}"

    @property
    def honest(self) -> bool:
        """Whether an accusation would be false."""
        return self.level == HONEST

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """Every training that the case needs."""
        return (self.declared, self.trained, *self.others)

    def files(self, folder: Callable[[Recipe], Path]) -> dict[str, bytes]:
        """The repository, given the folder of each training."""
        others = [published(folder(recipe), recipe) for recipe in self.others]
        if self.level in (HONEST, CARELESS):
            found = published(folder(self.trained), self.declared)
        else:
            found = published(folder(self.declared), self.declared)
            if self.trained != self.declared:
                found = disguised(found, [published(folder(self.trained), self.trained)])
        for edit in self.edits:
            found = edit(found, others)
        return bare(found, ()) if self.level == BARE else found


def honest(kind: str, recipe: Recipe, *edits: Edit, trained: Recipe | None = None) -> Case:
    """A run that did what it says; ``trained`` where the truth is the same bits by another way."""
    return Case(kind, HONEST, recipe, trained or recipe, edits)


def lie(kind: str, level: str, declared: Recipe, *edits: Edit, **changes: object) -> Case:
    """A training with some settings changed that is declared to be without the change."""
    return Case(kind, level, declared, replace(declared, **changes), edits)  # type: ignore[arg-type]


def forged(
    kind: str, declared: Recipe, *edits: Edit, other: Recipe | None = None, level: str = CAREFUL
) -> Case:
    """An honest run whose files were edited afterwards, or exchanged for those of another training."""
    return Case(kind, level, declared, declared, edits, () if other is None else (other,))


__all__ = ["ATTENTION", "BARE", "CAREFUL", "CARELESS", "HONEST", "USUAL", "Case", "forged", "honest", "lie"]
