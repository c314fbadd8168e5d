"""The tokenizer cuts texts earlier than the base model's.

`model_max_length` is where a tokenizer cuts when it is asked to truncate. Training programs lower it to the length
of their blocks (AutoTrain 0.8.36 to 2,048 at most, trainers/clm/utils.py) and save it with the adapter, whose users
then lose the rest of long texts, although the model could read them.

Wrong when: the adapter is meant for short texts only.

Fix: set `model_max_length` to the base's value before saving the tokenizer.

Bad:
    base: tiny
    tokenizer_config.json: /model_max_length = 64

Good:
    base: tiny
    # no limit, as the base has none
"""

from collections.abc import Iterator

from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.claims import DECLARED, Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import BaseFolder, Run

SEVERITY = Severity.NOTE


def check(run: Run, ledger: Ledger, base: BaseFolder) -> Iterator[Problem | Skip]:
    """Against the base's own tokenizer, else against the positions that its configuration has."""
    own = run.one(TokenizerConfig)
    limit, source = _limit(base)
    if own is None or limit is None:
        yield Skip("the adapter has no tokenizer_config.json, or the base states no length")
        return
    if own.length_limit is not None and own.length_limit < limit:
        declared = ledger.value("max_length", DECLARED) or ledger.value("block_size", DECLARED)
        yield Problem(
            f"model_max_length is {own.length_limit:,}, and {source} has {limit:,}",
            own.at("/model_max_length"),
            expected=f"{limit}",
            observed=f"{own.length_limit}",
            evidence=("it is the declared length of a training text",)
            if declared == own.length_limit
            else (),
        )


def _limit(base: BaseFolder) -> tuple[int | None, str]:
    theirs, config = base.one(TokenizerConfig), base.one(BaseConfig)
    if theirs is not None and theirs.length_limit is not None:
        return theirs.length_limit, "the base's tokenizer"
    if config is None:
        return None, ""
    nested = config.raw.get("text_config")
    for raw in (nested if isinstance(nested, dict) else {}, config.raw):
        positions = raw.get("max_position_embeddings")
        if isinstance(positions, int) and not isinstance(positions, bool) and positions > 0:
            return positions, "the base's configuration"
    return None, ""
