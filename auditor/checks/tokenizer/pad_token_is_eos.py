"""The padding token is the end-of-sequence token, although the vocabulary reserves a token for padding.

`DataCollatorForLanguageModeling` sets the label of every padding token to -100 (transformers 4.51.3,
data/data_collator.py), so with pad = eos the real end of each text is ignored as well and the model is never
taught to stop. TRL up to 0.15 collates so; from 0.16 on it pads the labels itself and is not affected.

Wrong when: the labels are made by other code, or a chat's stop token is another one (`<end_of_turn>`). Where
the vocabulary reserves no token for padding, the card names TRL 0.16 or newer, or preferences were trained (DPO and
its kin pad labels by length), this is only a note.

Fix: keep the base's own padding token (`tokenizer.pad_token = "<pad>"`) and train again, or show that the
labels keep the end-of-sequence token.

Bad:
    tokenizer_config.json: /pad_token = "<eos>"

Good:
    tokenizer_config.json: /pad_token = "<unk>"
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks._wording import shown
from auditor.checks.tokenizer._tokens import reserved_pad, token_at
from auditor.model import Problem, Severity, version_key
from auditor.runs import Run, trainer_of

SEVERITY = Severity.WARNING

UNAFFECTED_TRL = "0.16.0"


def check(
    config: TokenizerConfig, tokens: SpecialTokensMap | None, card: ModelCard | None, run: Run | None
) -> Iterator[Problem]:
    """Compare the two texts; a reserved padding token beside them makes it a warning."""
    pad, eos = token_at("pad_token", config, tokens), token_at("eos_token", config, tokens)
    if pad is None or eos is None or pad[0] != eos[0]:
        return
    reserved = reserved_pad(config.added_tokens.values())
    trl = card.framework_versions.get("trl") if card else None
    kinds = {
        kind for folder in (run.folders if run else ()) if (kind := trainer_of(folder)) not in (None, "SFT")
    }
    newer = trl is not None and version_key(trl) >= version_key(UNAFFECTED_TRL)
    unaffected = newer or bool(kinds)
    evidence = [f"the vocabulary reserves {reserved}"] if reserved else []
    if (
        tokens is not None
        and tokens.forms.get("pad_token") == "string"
        and tokens.forms.get("eos_token") == "object"
    ):
        evidence.append("pad_token is a bare string where eos_token is an object: it was assigned in Python")
    if newer:
        evidence.append(f"TRL {trl} pads the labels itself")
    evidence += [f"{kind} pads labels by length" for kind in sorted(filter(None, kinds))]
    yield Problem(
        f"pad_token is {shown(pad[0])}, which is also eos_token",
        pad[1],
        expected=reserved,
        observed=pad[0],
        evidence=tuple(evidence),
        severity=None if reserved and not unaffected else Severity.NOTE,
    )
