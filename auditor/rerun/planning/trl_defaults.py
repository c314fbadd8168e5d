"""What TRL's configurations set where no file does: SFTConfig and DPOConfig are not TrainingArguments.

Read from the releases named (trl, trainer/sft_config.py, dpo_config.py, base_config.py), each the first that has the
value; what is not named here is as in TrainingArguments.
"""

from collections.abc import Iterator, Mapping

from auditor.claims import Ledger
from auditor.model import Alternative, Setting, version_key
from auditor.rerun.environments import environment
from auditor.rerun.environments.recorded import recorded
from auditor.rerun.planning.trainers import REFERENCE, made_by
from auditor.runs import Run

_Since = tuple[str, Mapping[str, object]]
_BOTH: tuple[_Since, ...] = (
    # bf16 None becomes True unless fp16 is set (__post_init__).
    ("0.19.0", {"logging_steps": 10, "compute_dtype": "bfloat16"}),
    ("0.22.1", {"gradient_checkpointing": True}),
)
SINCE: Mapping[str, tuple[_Since, ...]] = {
    # Up to 0.14 max_seq_length None became min(tokenizer.model_max_length, 1024) in trainer/sft_trainer.py.
    "SFT": (
        ("0.9.3", {"max_length": 1024, "packing": False}),
        ("0.12.0", {"learning_rate": 2e-5, "text_column": "text"}),
        *_BOTH,
    ),
    "DPO": (("0.12.0", {"learning_rate": 1e-6}), *_BOTH),
}
"""Configuration -> (first release, settings of a plan), oldest first."""
_NO_FILE = "no file says it"
_PLAIN_RATE = 5e-5
"""learning_rate of TrainingArguments (transformers 4.30 to 5.24, training_args.py)."""


def defaults(
    run: Run, ledger: Ledger, known: Mapping[str, Setting]
) -> tuple[Mapping[str, Setting], tuple[Alternative, ...]]:
    """The settings that a configuration of TRL gives where ``known`` only assumes TrainingArguments', and readings.

    By the release of trl that made the run; where none is known, by the one installed here.
    """
    trainer = str(known["trainer"].value)
    kind = made_by(run) or "" if trainer == REFERENCE else trainer.upper()
    table = SINCE.get(kind)
    if table is None:
        return {}, ()
    release, why = _release(recorded(run, ledger).get("trl"))
    says = f"{kind}Config of trl {release} says so{why}"
    found = {
        key: Setting(value, says, assumed=True)
        for since, values in table
        if version_key(since) <= version_key(release)
        for key, value in values.items()
        if key not in known or _is_open(known[key])
    }
    return found, tuple(_readings(found))


def _release(made: Setting | None) -> tuple[str, str]:
    """A release of trl, and why that one unless files prove it."""
    if made is not None and made.value is not None:
        return str(made.value), f" ({made.source})" if made.assumed else ""
    here = environment.installed("trl")
    if here is not None:
        return here, " (installed here; no file says which made the run)"
    return "1.16.0", " (the newest known; no file says which made the run)"


def _is_open(setting: Setting) -> bool:
    return setting.assumed and setting.source.startswith(_NO_FILE)


def _readings(found: Mapping[str, Setting]) -> Iterator[Alternative]:
    """A script may hand TRL plain TrainingArguments, and older releases had no rate of their own."""
    if "learning_rate" in found:
        says = f"learning_rate = {_PLAIN_RATE}: TrainingArguments and trl before 0.12 say so"
        yield Alternative({"learning_rate": _PLAIN_RATE}, says, open=True)
