r"""The declared config speaks AutoTrain's language, and AutoTrain did not run this training.

The keys are those of AutoTrain 0.8.36 (trainers/clm/params.py), but AutoTrain always passes `task_type`
CAUSAL_LM and keeps its parameters as training_params.json. Some other program read the config, and
which of its keys that program honours is not known.

Wrong when: the adapter's configuration was edited afterwards.

Fix: record the name and version of the program that ran the training.

Bad:
    repository: seed
    # task_type is null

Good:
    repository: seed
    # the parameters that AutoTrain keeps
    training_params.json: = "{}"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Location, Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run) -> Iterator[Problem | Skip]:
    """AutoTrain's own file, or the task type that it always sets, ends the matter."""
    config, recipe = run.one(AdapterConfig), run.recipe
    if config is None or recipe is None or recipe.platform != "cheetah":
        yield Skip("there is no declared config in AutoTrain's vocabulary beside an adapter")
        return
    kept = any(name_of(path) == "training_params.json" for path in run.contents.snapshot.files)
    if not kept and config.is_peft and config.task_type is None:
        yield Problem(
            "the declared config uses AutoTrain's vocabulary, and the adapter shows that another "
            "program ran the "
            "training",
            Location(recipe.path),
            expected="the name and version of the runner",
            observed="`task_type` null and no training_params.json, which AutoTrain never leaves",
        )
