"""evaluation_strategy is a name that TrainingArguments no longer has.

The argument was renamed to `eval_strategy`; the old name is still in transformers 4.50.3 and gone in 4.51.3
(training_args.py of the wheels). Handed over as it is, it raises a TypeError; filtered by name, evaluation
stays off.

Wrong when: the platform translates the key.

Fix: declare `eval_strategy`.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/eval_strategy removed
    cheetah-fine-tuning-config.json: /train_model_parameters/evaluation_strategy = "epoch"

Good:
    # the old name with the value that was the default
    cheetah-fine-tuning-config.json: /train_model_parameters/eval_strategy removed
    cheetah-fine-tuning-config.json: /train_model_parameters/evaluation_strategy = "no"
"""

from collections.abc import Iterator

from auditor.checks._versions import proven
from auditor.checks._wording import shown
from auditor.claims import Ledger
from auditor.model import Location, Problem, Severity, Status
from auditor.recipes._base import Recipe, Stated

SEVERITY = Severity.WARNING

OLD = "evaluation_strategy"
LAST_WITH_IT = "4.50.3"
_OFF = (None, "no", "None", "")


def check(recipe: Recipe, ledger: Ledger) -> Iterator[Problem]:
    """Silent for releases that still had the name, and where the trainer's arguments show that it arrived.

    A platform that decides about evaluation itself (AutoTrain, axolotl) has the name for a key of its own.
    """
    stated = None if "eval_strategy" in recipe.decides else _old_key(recipe)
    if stated is None or stated.value in _OFF:
        return
    span, claim = proven(ledger, "transformers_version"), ledger.get("eval_strategy")
    if (span is not None and span.at_most(LAST_WITH_IT)) or (claim and claim.status is Status.VERIFIED):
        return
    ran = f"Transformers {span}" if span else "an unknown release of Transformers"
    known_new = span is not None and span.at_least("4.51.0")
    yield Problem(
        f"{OLD} {shown(stated.value)} is declared, a name that Transformers dropped in 4.51",
        Location(recipe.path, stated.member),
        expected="eval_strategy",
        observed=OLD,
        evidence=(
            f"the files were written by {ran}"
            + ("" if known_new else ", which may or may not have had the old name"),
        ),
    )


def _old_key(recipe: Recipe) -> Stated | None:
    pairs = (
        stated for canonical, *both in recipe.duplicates if canonical == "eval_strategy" for stated in both
    )
    kept = recipe.settings.get("eval_strategy")
    return next((stated for stated in (kept, *pairs) if stated is not None and stated.key == OLD), None)
