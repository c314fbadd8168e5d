r"""The card's tags name another way of training than the training arguments.

TRL tags its cards with the trainer's name (`sft`, `dpo`, `kto`, ...; trl 1.16.0, trainer/sft_trainer.py and
its like, `_tag_names`) and pickles its own class of arguments beside them. A card tagged dpo over SFTConfig
describes another run, and hubs list the adapter under a method that did not make it.

Wrong when: the adapter was trained in several stages and the card names an earlier one; one right tag is enough.
Unsloth tags everything as sft and is not judged.

Fix: tag the card with the method of the training that is committed.

Bad:
    README.md: "- lora\n" -> "- lora\n- dpo\n"
    training_args.bin: arguments of class trl.trainer.sft_config.SFTConfig

Good:
    README.md: "- lora\n" -> "- lora\n- sft\n"
    training_args.bin: arguments of class trl.trainer.sft_config.SFTConfig
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import joined
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_METHODS = {
    **{
        name: name
        for name in ("sft", "dpo", "kto", "orpo", "cpo", "bco", "grpo", "rloo", "ppo", "gkd", "prm", "xpo")
    },
    "reward-trainer": "reward",
    "reward": "reward",
    "online-dpo": "onlinedpo",
    "nash-md": "nashmd",
}
"""Tag -> the part of the class name before ``Config``, in lower case."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only TRL's own classes tell the method; the Trainer's serve for anything."""
    card, arguments = run.root.one(ModelCard), run.one(TrainingArgs)
    if card is None or arguments is None:
        yield Skip("no card is beside the run's own adapter, or no training_args.bin was read")
        return
    name = arguments.class_name.rpartition(".")[2].removeprefix("Unsloth")
    method = name.removesuffix("Config").lower()
    tags = {tag.lower() for tag in card.tags}
    told = sorted(tag for tag in tags if tag in _METHODS)
    if not name.endswith("Config") or method not in _METHODS.values() or "unsloth" in tags or not told:
        yield Skip("tags or arguments name no method of training")
    elif not any(_METHODS[tag] == method for tag in told):
        yield Problem(
            f"the card is tagged {joined(told)}, and the training arguments are {name}",
            card.at("tags"),
            expected=next(tag for tag, part in _METHODS.items() if part == method),
            observed=", ".join(told),
            evidence=(f"{arguments.path} holds {arguments.class_name}",),
        )
