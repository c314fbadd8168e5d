"""Which releases of PEFT can have written adapter_config.json.

The keys that save_pretrained writes for each method grow with the releases (fields of the configuration classes
in every release from 0.1 on), from 0.18 on the file names its release in ``peft_version``, and the card beside it
does in "- PEFT x.y.z". An ``all-linear`` that
left lm_head in dates it too: PEFT 0.13.2 and 0.14.0 collect the last part of each module's name and
subtract the output embedding by its full name, so ``language_model.lm_head`` stays; 0.15.2 collects full
names (tuners/tuners_utils.py, ``_maybe_include_all_linear_layers``).
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.versions import is_older, peft_range, stated_range
from auditor.claims import DECLARED, Ledger
from auditor.evidence._versions import Bound, combine, plausible
from auditor.model import Evidence, VersionRange
from auditor.runs import Run

LAST_BASE_NAMES = "0.15.1"
"""Newest release not known to be free of the all-linear defect (0.14.0 has it, 0.15.2 has not)."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Derive ``peft_version``, whose value is a VersionRange."""
    config = run.latest(AdapterConfig)
    if config is None or not config.is_peft:
        return
    bounds = (
        *_from_keys(config),
        *_from_version(config),
        *_from_card(run, config),
        *_from_head(config, ledger),
    )
    yield from combine("peft_version", "PEFT", bounds)


def _from_keys(config: AdapterConfig) -> Iterator[Bound]:
    dated = peft_range(config.keys, config.peft_type)
    if dated is not None:
        yield Bound(dated.range, dated.why, config.path)


def _from_version(config: AdapterConfig) -> Iterator[Bound]:
    version = config.peft_version
    if plausible(version):
        yield Bound(stated_range(version), f"`peft_version` says {version.partition('@')[0]}", config.path)


def _from_card(run: Run, config: AdapterConfig) -> Iterator[Bound]:
    """A card older than the keys is the finding of card-peft-version-too-old, and narrows nothing here."""
    dated = peft_range(config.keys, config.peft_type)
    folder = run.contents.folders.get(config.folder)
    for card in folder.all(ModelCard) if folder else ():
        version = card.peft_version
        if plausible(version):
            firm = dated is None or not is_older(version, dated.range)
            yield Bound(stated_range(version), f"the card says PEFT {version}", card.path, firm)


def _from_head(config: AdapterConfig, ledger: Ledger) -> Iterator[Bound]:
    """Not firm: a platform may resolve all-linear itself."""
    if ledger.value("target_modules", DECLARED) != "all-linear" or "lm_head" not in config.target_order:
        return
    if config.base_model_class != "Gemma3ForConditionalGeneration":
        return
    why = "all-linear left lm_head in, which PEFT 0.15.2 and newer do not"
    yield Bound(VersionRange(None, LAST_BASE_NAMES), why, config.path, firm=False)
