"""Run -> the ledger of Claims: who says what about each hyperparameter. Evidence marks the claims afterwards."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import Claim, Evidence, Statement, Status
from auditor.runs import Run

DECLARED, EFFECTIVE, RECORDED, DESCRIBED = "declared", "effective", "recorded", "described"

_ADAPTER_KEYS = (
    "peft_type",
    "r",
    "lora_alpha",
    "lora_dropout",
    "bias",
    "task_type",
    "target_modules",
    "use_rslora",
    "use_dora",
    "init_lora_weights",
    "modules_to_save",
)
_STATE_KEYS = ("num_train_epochs", "max_steps", "global_step", "logging_steps", "save_steps", "eval_steps")
_ARGUMENT_KEYS = (
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "gradient_checkpointing",
    "lr_scheduler_type",
    "warmup_ratio",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "seed",
    "data_seed",
    "auto_find_batch_size",
    "logging_steps",
    "logging_strategy",
    "save_steps",
    "save_strategy",
    "save_total_limit",
    "eval_strategy",
    "eval_steps",
    "packing",
    "max_length",
)
_CARD_KEYS = ("learning_rate", "seed", "lr_scheduler_type", "num_train_epochs", "optim", "max_steps")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The claims of one run, by canonical key (the name in TrainingArguments or LoraConfig where there is one)."""

    run: str
    claims: Mapping[str, Claim]

    def get(self, key: str) -> Claim | None:
        """The claim of a key, or None when nobody speaks of it."""
        return self.claims.get(key)

    def statement(self, key: str, *roles: str) -> Statement | None:
        """The first statement about a key in the order of the roles asked for."""
        claim = self.claims.get(key)
        if claim is None:
            return None
        order = roles or (EFFECTIVE, RECORDED, DECLARED, DESCRIBED)
        return next((found for role in order if (found := claim.stated_by(role)) is not None), None)

    def value(self, key: str, *roles: str) -> object:
        """What `statement` says, or None."""
        found = self.statement(key, *roles)
        return found.value if found else None

    def evidence(self, key: str, identity: str | None = None) -> Evidence | None:
        """The first evidence about a key, of one module when ``identity`` names it."""
        claim = self.claims.get(key)
        return next((e for e in (claim.evidence if claim else ()) if identity in (None, e.id)), None)

    def derived(self, key: str) -> object:
        """The value that evidence derived for a key, or None."""
        claim = self.claims.get(key)
        return next((e.value for e in (claim.evidence if claim else ()) if e.value is not None), None)

    def with_evidence(self, evidence: tuple[Evidence, ...]) -> "Ledger":
        """This ledger with more evidence; claims that nobody stated come into being."""
        claims = dict(self.claims)
        for item in evidence:
            claim = claims.get(item.claim, Claim(item.claim))
            claims[item.claim] = judged(replace(claim, evidence=(*claim.evidence, item)))
        return Ledger(self.run, dict(sorted(claims.items())))


def judged(claim: Claim) -> Claim:
    """Mark a claim by its evidence: one contradiction outweighs everything, one verification outweighs silence."""
    for status in (Status.CONTRADICTED, Status.VERIFIED, Status.UNVERIFIABLE):
        speaking = [item for item in claim.evidence if item.outcome is status]
        if speaking:
            return replace(claim, status=status, why=speaking[0].says)
    return replace(claim, status=Status.STATED, why="")


def build(run: Run) -> Ledger:
    """Gather every statement about every hyperparameter of a run."""
    gathered: dict[str, list[Statement]] = {}
    for key, statement in _statements(run):
        gathered.setdefault(key, []).append(statement)
    claims = {key: Claim(key, tuple(found)) for key, found in gathered.items()}
    return Ledger(run.name, dict(sorted(claims.items())))


def _statements(run: Run) -> Iterator[tuple[str, Statement]]:
    yield from _declared(run)
    yield from _arguments(run)
    yield from _event_arguments(run)
    yield from _adapter(run)
    yield from _state(run)
    yield from _card(run)


def _declared(run: Run) -> Iterator[tuple[str, Statement]]:
    if run.recipe is None:
        return
    for key, stated in run.recipe.settings.items():
        yield key, Statement(run.recipe.path, stated.member, stated.meant, DECLARED, stated.key)


def received(run: Run) -> TrainingArgs | None:
    """The training_args.bin that speaks for a run: its own, unless all of its checkpoints agree on another one.

    One process writes the same object everywhere, so the copy that stands alone is the odd one.
    """
    own, saved = (
        run.root.one(TrainingArgs),
        [a for folder in run.checkpoints for a in folder.all(TrainingArgs)],
    )
    if own is None or len(saved) < 2 or own.values == saved[-1].values:
        return run.one(TrainingArgs)
    return saved[-1] if all(other.values == saved[-1].values for other in saved) else own


def _arguments(run: Run) -> Iterator[tuple[str, Statement]]:
    arguments = received(run)
    if arguments is None:
        return
    for key in _ARGUMENT_KEYS:
        if key in arguments.values:
            yield key, Statement(arguments.path, key, arguments.values[key], EFFECTIVE, key)
    precision = precision_of(arguments.values)
    if precision:
        yield "mixed_precision", Statement(arguments.path, "fp16, bf16", precision, EFFECTIVE, "fp16, bf16")


def _event_arguments(run: Run) -> Iterator[tuple[str, Statement]]:
    for log in run.events[:1]:
        arguments = log.args()
        for key in _ARGUMENT_KEYS:
            if arguments and key in arguments:
                yield key, Statement(log.path, f"args/{key}", arguments[key], EFFECTIVE, key)
        precision = precision_of(arguments) if arguments else None
        if precision:
            yield (
                "mixed_precision",
                Statement(log.path, "args/fp16, bf16", precision, EFFECTIVE, "fp16, bf16"),
            )


def _adapter(run: Run) -> Iterator[tuple[str, Statement]]:
    config = run.one(AdapterConfig)
    if config is None or not config.is_peft:
        return
    for key in _ADAPTER_KEYS:
        if key in config.raw:
            yield key, Statement(config.path, f"/{key}", config.raw[key], RECORDED, key)
    for key, canonical in (("base_model_name_or_path", "base_model"), ("revision", "base_revision")):
        if key in config.raw:
            yield canonical, Statement(config.path, f"/{key}", config.raw[key], RECORDED, key)


def _state(run: Run) -> Iterator[tuple[str, Statement]]:
    state = run.latest(TrainerState)
    if state is None:
        return
    for key in _STATE_KEYS:
        if key in state.raw:
            yield key, Statement(state.path, f"/{key}", state.raw[key], RECORDED, key)
    for key, canonical in (("train_batch_size", "train_batch_size"), ("total_flos", "total_flos")):
        if key in state.raw:
            yield canonical, Statement(state.path, f"/{key}", state.raw[key], RECORDED, key)


def _card(run: Run) -> Iterator[tuple[str, Statement]]:
    card = run.root.one(ModelCard)
    if card is None:
        return
    for base in card.base_model:
        yield "base_model", Statement(card.path, "base_model", base, DESCRIBED, "base_model")
    for name in card.datasets:
        yield "dataset", Statement(card.path, "datasets", name, DESCRIBED, "datasets")
    for key in _CARD_KEYS:
        if key in card.hyperparameters:
            yield key, Statement(card.path, key, card.hyperparameters[key], DESCRIBED, key)


def precision_of(arguments: Mapping[str, object]) -> str | None:
    """``fp16``, ``bf16`` or ``no`` from training arguments; None when they do not say."""
    if arguments.get("fp16") is True:
        return "fp16"
    if arguments.get("bf16") is True:
        return "bf16"
    if arguments.get("fp16") is False and arguments.get("bf16") is False:
        return "no"
    return None


_SYNONYMS = {"none": "no", "null": "no", "false": "no", "fp32": "no", "float32": "no"}


def _same_number(one: float, other: float) -> bool:
    try:
        return one == other or math.isclose(one, other, rel_tol=1e-12)
    except OverflowError:  # an integer beyond every float, which JSON and pickles can hold
        return False


def same_value(key: str, one: object, other: object) -> bool:
    """Whether two sources mean the same by a key: numbers within 1e-12, sets as sets, enum words without case."""
    if isinstance(one, bool) or isinstance(other, bool):
        return _truth(one) == _truth(other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return _same_number(one, other)
    if isinstance(one, list | tuple | frozenset | set) and isinstance(other, list | tuple | frozenset | set):
        return {str(item) for item in one} == {str(item) for item in other}
    if key == "mixed_precision":
        return _precision_word(one) == _precision_word(other)
    return str(one).rpartition(".")[2].lower() == str(other).rpartition(".")[2].lower() or one == other


def _truth(value: object) -> object:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _precision_word(value: object) -> str:
    word = str(value).lower()
    return _SYNONYMS.get(word, word)
