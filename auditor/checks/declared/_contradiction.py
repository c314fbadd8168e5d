"""Turning a contradicted claim into one finding that names its evidence."""

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._base_names import same_model
from auditor.checks._copies import odd_copy
from auditor.claims import DECLARED, DESCRIBED, EFFECTIVE, RECORDED, Ledger, same_value
from auditor.model import Claim, Evidence, Location, Problem, Severity, Skip, Statement, Status
from auditor.recipes._base import Recipe
from auditor.runs import Run

TOLD_BY_TRAINER = ("declared-against-training-args", "declared-against-event-arguments")
"""Evidence that is the trainer's own word about what it received."""


def contradictions(claim: Claim, recipe: Recipe | None = None) -> tuple[Evidence, ...]:
    """The evidence that contradicts a claim.

    Without that against a configuration which people wrote and handed in: all its differences have one cause, and
    config-not-of-this-run reports them together.
    """
    handed_in = recipe.path if recipe is not None and not recipe.record else None
    found = (item for item in claim.evidence if item.outcome is Status.CONTRADICTED)
    return tuple(item for item in found if handed_in is None or not speaks_of(item, handed_in))


def is_configs_alone(claim: Claim, run: Run | None) -> bool:
    """Whether adapter_config.json is wrong and the declaration right, as another copy of it or the weights say.

    The file itself is then the finding (adapter-config-differs-from-checkpoint, lora-rank-mismatch), whoever else
    says otherwise.
    """
    stated = claim.stated_by(DECLARED)
    if stated is None or run is None:
        return False
    ranks = [item.value for item in claim.evidence if item.id == BY_TENSORS and claim.key == "r"]
    if ranks and all(same_value("r", stated.value, rank) for rank in ranks):
        return True
    odd, key = odd_copy(run), "base_model_name_or_path" if claim.key == "base_model" else claim.key
    if odd is None or odd.one is not run.one(AdapterConfig) or key not in odd.keys:
        return False
    right = odd.right.raw.get(key)
    if key == "base_model_name_or_path":
        return isinstance(right, str) and same_model(str(stated.value), right)
    return same_value(claim.key, stated.value, right)


def speaks_of(item: Evidence, path: str) -> bool:
    """Whether evidence holds a configuration against the run; the text of the card around one is another source."""
    return path in item.paths and item.id != "card-against-training"


BY_CONFIG = "declared-against-adapter-config"
"""The test that holds a declared value against adapter_config.json."""
BY_TENSORS = "rank-from-tensors"
"""The test that holds adapter_config.json against the weights beside it."""
LEFT = Skip("what the configuration handed in says otherwise is reported as config-not-of-this-run")
"""For a rule about one setting, where only such a configuration is contradicted."""


def told_by_trainer(claim: Claim) -> bool:
    """Whether training arguments themselves contradict the claim."""
    return any(item.id in TOLD_BY_TRAINER for item in contradictions(claim))


def spoken(claim: Claim, against: Evidence) -> Statement | None:
    """The statement that evidence speaks against: the declared one where it can, else the one it read."""
    order = (DECLARED, DESCRIBED, EFFECTIVE, RECORDED)
    found = [statement for role in order if (statement := claim.stated_by(role)) is not None]
    used = [statement for statement in found if statement.path in against.paths]
    return next(iter(used or found), None)


def problem(
    claim: Claim,
    against: tuple[Evidence, ...],
    message: str,
    severity: Severity | None = None,
    observed: str | None = None,
) -> Problem:
    """One finding for a claim, at the statement that does not hold; ``against`` is not empty."""
    first = against[0]
    statement = spoken(claim, first)
    path = statement.path if statement else next(iter(first.paths), "")
    value = shown(first.value) if isinstance(first.value, str | int | float) else None
    return Problem(
        message,
        Location(path, statement.member if statement else None),
        expected=shown(statement.value) if statement else None,
        observed=observed or value,
        evidence=tuple(line for item in against for line in _lines(item, first)),
        severity=severity,
    )


def stated(ledger: Ledger, key: str) -> Statement | None:
    """The declared statement of a key that says something."""
    statement = ledger.statement(key, DECLARED)
    if statement is None or str(statement.value).strip().lower() in ("none", "null", ""):
        return None
    return statement


def shown(value: object) -> str:
    """A value as a short text."""
    text = "null" if value is None else str(value)
    return text if len(text) <= 120 else text[:119] + "…"


def _lines(item: Evidence, first: Evidence) -> tuple[str, ...]:
    lines = () if item is first else (f"{item.id}: {item.says}",)
    return (*lines, f"{item.id}: {item.detail}") if item.detail else lines or (f"tested by {item.id}",)
