"""What was otherwise before a run was gone on with: the steps of its schedule, and how a step's rows were divided.

People who find that a model still learns raise the number of epochs and resume; people who run out of memory halve the
batch and double the accumulation. Neither is another recipe, and the files of the checkpoints before tell it: the
Trainer writes its own ``max_steps`` and arguments into each (transformers 5.23.0, trainer.py, ``_save_checkpoint``).
Rates, seeds and decays that were others before are no such thing: steps that the recipe does not make.
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.claims import Ledger, received
from auditor.model import Setting, Span, VersionRange, version_key
from auditor.rerun.planning.given import given
from auditor.runs import Folder, Run

BATCH, TIMES = "per_device_train_batch_size", "gradient_accumulation_steps"
_AS_ASKED = "5.2.0"
_Changes = tuple[tuple[str, object], ...]


def before(run: Run) -> Mapping[int, _Changes]:
    """By the step of a checkpoint, the settings that were others until then; without the steps that had none."""
    found = {folder.step: tuple(_changes(run, folder)) for folder in run.checkpoints if folder.step}
    return {step: changes for step, changes in sorted(found.items()) if changes}


def until(run: Run, stop: int) -> _Changes:
    """The settings that were others in the steps that end at ``stop``, by the next checkpoint that was saved."""
    return marked(run, (Span(0, stop),))[0].changes


def marked(run: Run, parts: Sequence[Span]) -> tuple[Span, ...]:
    """The parts of a plan, each with what was otherwise in it, by the next checkpoint that was saved."""
    known, saved = before(run), sorted(folder.step for folder in run.checkpoints if folder.step)
    nexts = [next((step for step in saved if step >= part.stop), 0) for part in parts]
    return tuple(
        Span(part.start, part.stop, part.resume, known.get(step, ()))
        for part, step in zip(parts, nexts, strict=True)
    )


def batch_before(run: Run) -> int | None:
    """The micro-batch of a run that was gone on with another one, where no checkpoint of before tells it.

    The state that resuming loads keeps the old number (transformers 5.23.0, trainer.py, ``_inner_training_loop``),
    and a state differs from the arguments for no other reason than ``auto_find_batch_size`` and several GPUs.
    """
    (_, arguments), state = given(run), run.latest(TrainerState)
    if state is None or before(run):
        return None
    asked, kept = arguments.get(BATCH), state.train_batch_size
    if arguments.get("auto_find_batch_size") is True or type(asked) is not int or asked < 1:
        return None
    return kept if kept is not None and 0 < kept != asked else None


def resumes_as_asked(ledger: Ledger) -> bool | None:
    """Whether the run's release of transformers goes on in batches of the size asked for; None where it is not known.

    Up to 5.1 it goes on in those that the loaded state counts (transformers 4.36.2, 5.1.0 and 5.2.0, trainer.py,
    ``train``; measured with 4.51.3 and 5.23.0: in batches of 4 and of 2 where 4 ran before and 2 were asked for).
    """
    found = ledger.derived("transformers_version")
    if not isinstance(found, VersionRange):
        return None
    if found.at_least(_AS_ASKED):
        return True
    return False if found.high is not None and version_key(found.high) < version_key(_AS_ASKED) else None


def says(run: Run) -> Iterator[str]:
    """That a run was gone on with under other settings, in a sentence for each checkpoint before."""
    for step, changes in before(run).items():
        told = ", ".join(f"{key} = {value}" for key, value in changes)
        yield f"up to step {step} the run was made with {told} (checkpoint-{step}), and so is the rerun"


def obstacles(run: Run, settings: Mapping[str, Setting]) -> Iterator[str]:
    """That a warm-up which is a share of all steps was another length before."""
    source = settings["warmup_steps"].source if "warmup_steps" in settings else ""
    totals = [value for changes in before(run).values() for key, value in changes if key == "max_steps"]
    if totals and source.endswith(" steps"):
        yield (
            f"the schedule had {totals[0]} steps before the run was gone on with, and its warm-up is a share of all "
            f"({source}): how long it was then is not worked out"
        )


def _changes(run: Run, folder: Folder) -> Iterator[tuple[str, object]]:
    theirs, last = folder.one(TrainerState), run.latest(TrainerState)
    if theirs is not None and last is not None and theirs is not last:
        one, two = theirs.max_steps or 0, last.max_steps or 0
        if one > 0 and two > 0 and one != two and one >= (folder.step or 0):
            yield "max_steps", one
    yield from _division(folder.one(TrainingArgs), received(run))


def _division(theirs: TrainingArgs | None, last: TrainingArgs | None) -> Iterator[tuple[str, object]]:
    """Another micro-batch with as many rows a step."""
    if theirs is None or last is None or theirs is last:
        return
    one, two = ([values.values.get(key) for key in (BATCH, TIMES)] for values in (theirs, last))
    if one != two and all(type(value) is int and 0 < value < 2**31 for value in (*one, *two)):
        (batch, times), (other, again) = one, two
        if batch * times == other * again:  # type: ignore[operator]
            yield BATCH, batch
            yield TIMES, times
