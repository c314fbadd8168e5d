"""What of a random run's files is pushed, and a declaration that tells it."""

import json
from collections.abc import Sequence
from random import Random

from benchmarks.detection.blind.edits import DECLARED
from benchmarks.detection.blind.training import Training
from benchmarks.detection.edits import ARGUMENTS, Edit, Edited, name_of
from benchmarks.detection.repository import Files, as_json, llama_factory, yaml


def told(run: Training) -> Edit:
    """The platform's declaration with what the run's further arguments say."""
    arguments, adapter = json.loads(run.more), json.loads(run.lora)

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        if YAML in files:
            own = {"adam_beta2": run.beta2, "data_seed": run.data_seed}
            return {**files, YAML: yaml({**llama_factory(run), **own, **arguments})}
        if DECLARED not in files:
            return dict(files)
        document = json.loads(files[DECLARED])
        section = document["train_model_parameters"]
        section.update({key: arguments[key] for key in section if key in arguments})
        document["peft"].update(adapter)
        return {**files, DECLARED: as_json(document)}

    return edit


YAML = "training_args.yaml"
_TOLD = (
    *(
        "eval_strategy",
        "eval_steps",
        "save_strategy",
        "save_total_limit",
        "logging_strategy",
        "logging_first_step",
    ),
    *("save_only_model", "load_best_model_at_end", "warmup_steps"),
)
"""Arguments that the platform's declaration tells, or the log."""
_USUAL = {"beta2": 0.999, "data_seed": None, "max_steps": -1}


def pushed(seed: int, number: int, run: Training) -> tuple[str, Edit]:
    """What somebody pushes, in words, and the edit that leaves it.

    What a platform's declaration cannot tell a user of the platform does not set, or arguments tell it.
    """
    draw = Random(f"{seed}/{number}/pushed")
    place = draw.choice(("all", "all", "all", "end", "end", "checkpoints", "last checkpoint"))
    gone = [
        name
        for name, share in (
            (ARGUMENTS, 0.35),
            ("optimizer.pt", 0.4),
            ("scheduler.pt", 0.3),
            ("rng_state", 0.3),
            ("events.", 0.4),
            ("README.md", 0.2),
        )
        if draw.random() < share
    ]
    untold = set(json.loads(run.more)) - set(_TOLD)
    untold |= {key for key in ("beta2", "data_seed", "max_steps") if getattr(run, key) != _USUAL[key]}
    if run.platform == "cheetah" and untold and ARGUMENTS in gone:
        gone.remove(ARGUMENTS)
    if draw.random() < 0.07:
        gone.append("trainer_state.json")

    def edit(files: Files, _: Sequence[Files]) -> Edited:
        found = _placed(dict(files), place)
        return {path: content for path, content in found.items() if not name_of(path).startswith(tuple(gone))}

    return f"{place} without {', '.join(gone) or 'nothing'}", edit


def _placed(files: Edited, place: str) -> Edited:
    steps = sorted(
        {path.partition("/")[0] for path in files if path.startswith("checkpoint-")},
        key=lambda name: int(name.rpartition("-")[2]),
    )
    told = {path: content for path, content in files.items() if path in (DECLARED, "README.md", YAML)}
    if place == "all" or not steps:
        return files
    if place == "end":
        return {path: content for path, content in files.items() if not path.startswith("checkpoint-")}
    if place == "checkpoints":
        return {path: content for path, content in files.items() if path.startswith("checkpoint-")} | told
    start = steps[-1] + "/"
    mine = {path.removeprefix(start): content for path, content in files.items() if path.startswith(start)}
    return mine | told
