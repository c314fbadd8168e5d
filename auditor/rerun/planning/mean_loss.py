"""Whether a step's loss is the mean over all its labels, or the mean of what each of its micro-batches has by itself.

From transformers 4.46 on the loss of a step is divided by all its labels, where the model takes their number; a Trainer
whose loss does not take it, and every release before, averages each micro-batch by itself (trainer.py,
``model_accepts_loss_kwargs``; pull requests 34191 and 34198). No file tells. Both are the same where the micro-batches
of a step have as many labels each, so the first loss may agree and later ones not.
"""

from collections.abc import Iterator, Mapping

from auditor.model import Alternative, Setting

KEY = "model_accepts_loss_kwargs"
_SOURCE = "no file says it: what the Trainer does with the models that it knows"
_WHY = "no file says whether each micro-batch's loss was averaged by itself, as releases before 4.46 did"
_TRAINERS = ("reference", "sft")


def settings(known: Mapping[str, Setting]) -> dict[str, Setting]:
    """The setting, where a step has several micro-batches that can differ in labels; ``known`` is a whole plan's."""
    several, packing = known["gradient_accumulation_steps"].value, known["packing"].value
    if type(several) is not int or several < 2 or packing is True or known["trainer"].value not in _TRAINERS:
        return {}
    return {KEY: Setting(True, _SOURCE, assumed=True)}


def readings(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """That each micro-batch's loss was averaged by itself: as honest, because no file decides it."""
    if KEY in known:
        yield Alternative({KEY: False}, f"{KEY} = False: {_WHY}", open=True)
