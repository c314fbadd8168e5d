"""A declared key that the platform does not know resembles one that it knows.

A slip of the pen (`warmup_ration`), or another platform's name for the same thing (`lora_r` where LLaMA-Factory says
`lora_rank`). Some platforms refuse such a file, and then it did not make this run (llamafactory 0.9.5,
hparams/parser.py); the others drop the key without a word and train with their default (axolotl 0.19.0,
utils/schemas/config.py, whose model ignores extra keys).

A key is held against those of its own group only: for torchtune the arguments of the component that the group names,
for axolotl those of an entry of `datasets`. Groups of components that are not known, and objects that anybody fills,
are not checked, and the rule says so.

Wrong when: a newer release or a plugin of the platform has that key. Keys that differ only in their digits
(`adam_beta3`), and keys in places that take anybody's, are no slips; nor is one that the trainer's arguments show.

Fix: spell the key as the platform does, and train again if its value was meant to count.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/warmup_ration = 0.2

Good:
    # a word like no other may be a newer release's
    cheetah-fine-tuning-config.json: /train_model_parameters/favourite_colour = "blue"
"""

from collections.abc import Iterator, Mapping

from auditor.checks._received import arguments
from auditor.checks._wording import counted, joined, shown
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._base import Recipe, Stated
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run, recipe: Recipe) -> Iterator[Problem | Skip]:
    """One finding names all of them; null asks for nothing and is no loss."""
    yield from (Skip(f"{recipe.path}: {reason}") for reason in recipe.unjudged)
    received = arguments(run)
    slips = [(stated, likely) for stated, likely in recipe.misspelt if _counts(stated, received)]
    if not slips:
        return
    first = slips[0][0]
    yield Problem(
        f"{counted(len(slips), 'key is', 'keys are')} unknown to {recipe.platform} and like one that it knows: "
        f"{joined([f'{stated.key} (is {likely} meant?)' for stated, likely in slips])}",
        Location(recipe.path, first.member if len(slips) == 1 else None),
        expected=joined([likely for _, likely in slips]),
        observed=joined([f"{stated.key} {shown(stated.value)}" for stated, _ in slips]),
    )


def _counts(stated: Stated, received: Mapping[str, object]) -> bool:
    key = stated.key.rpartition(".")[2]
    return stated.value is not None and not (key in received and received[key] == stated.value)
