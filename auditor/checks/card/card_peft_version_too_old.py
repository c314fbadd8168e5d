"""The card names a PEFT release that cannot have written adapter_config.json.

The keys of adapter_config.json grow with the releases (class annotations of the wheels), and PEFT writes its
release into the card in the same call (peft 0.13.2, peft_model.py, `save_pretrained`). A key that is newer than
the card's release means that card and configuration come from different runs.

Wrong when: the configuration was saved again by a newer PEFT, and the card was kept.

Fix: save adapter and card together again.

Bad:
    # adapter_config.json holds kasa_config, which is newer
    README.md: "- PEFT 0.21.2" -> "- PEFT 0.13.2"

Good:
    # a newer release may have kept the older keys
    README.md: "- PEFT 0.21.2" -> "- PEFT 0.30.0"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.versions import is_older, peft_range
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(card: ModelCard, config: AdapterConfig) -> Iterator[Problem | Skip]:
    """Only keys that are too new count: old ones may have been dropped by an edit."""
    stated = card.peft_version
    dated = peft_range(config.keys, config.peft_type)
    if stated is None or dated is None or dated.range.low is None:
        yield Skip("the card names no PEFT release, or the adapter's keys do not date it")
    elif is_older(stated, dated.range):
        yield Problem(
            f"the card says PEFT {stated}, and {config.path} was written by PEFT {dated.range}",
            card.at("PEFT"),
            expected=str(dated.range),
            observed=stated,
            evidence=(dated.why,),
        )
