"""With which releases of Transformers and PEFT an adapter loads, as sentences; what was measured and what was not.

Measured on 2026-11-27 with ``fixtures/versions/measure_loading.py`` (torch 2.13.0 on a CPU): tiny random models, every
lora_B set to one and counted after loading. Adapters written by transformers 4.51.3 and PEFT 0.13.2, modules loaded
(G: Gemma 3, 14 with lm_head; L: LLaVA, 12; Q: Qwen2-VL, 8; "w" with a warning, "-" cannot be imported):

    transformers     PEFT 0.13.2   0.15.2   0.16.0   0.18.1   0.19.1          0.20.0          0.21.2
    4.51.3           all           all      all      all      all             all             all
    4.52.4, 4.57.6   none          none w   all      all      all             all             all
    5.0.0, 5.2.0     none          none w   -        all      all             all             all
    5.5.4            none          none w   -        none w   G1 L0 Q6 w      G0 L0 Q6 w      G0 L0 Q6 w
    5.10.4, 5.16.1,  none          none w   -        none w   G14 L12, Q0 w   G13 w L12 Q0 w  G13 w L12 Q0 w
    5.23.0

Gemma 3 was also loaded with PEFT 0.11.1 (as 0.13.2), 0.14.0 (as 0.15.2) and 0.17.1 (as 0.16.0); a Llama, whose modules
kept their names, loads completely everywhere. A configuration with keys that PEFT does not know: 0.11.1 and 0.13.2
raise TypeError, 0.14.0 and newer warn, leave the keys out and load the tensors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.versions import Renaming, adapter_keys, transformers_min_for_class
from auditor.model import version_key

MAPS_NAMES = "0.16"
"""Oldest PEFT that gives old names to the new modules (measured: 0.16.0 does, 0.15.2 does not; peft_model.py,
`from_pretrained`, ``key_mapping``)."""
DROPS_KEYS = "0.14"
"""Oldest PEFT that leaves unknown keys of a configuration out instead of stopping (config.py, `from_peft_type`)."""
SURE = "5.2"
"""Newest Transformers under which every PEFT that maps names loaded every class measured."""
FIRST_OF_5 = "0.18"
"""Oldest PEFT that maps names and can be imported with Transformers 5."""
STOPS = "0.6"
"""Oldest PEFT that hands all keys of the file to the configuration class (config.py, `from_pretrained`)."""
MEASURED = {
    "Gemma3ForConditionalGeneration": (
        "measured under transformers 5.10 to 5.23: PEFT 0.18 loads nothing, 0.19 all, 0.20 and 0.21 all but lm_head"
    ),
    "LlavaForConditionalGeneration": (
        "measured under transformers 5.10 to 5.23: PEFT 0.18 loads nothing, 0.19 to 0.21 all"
    ),
    "Qwen2VLForConditionalGeneration": "measured under transformers 5.10 to 5.23: PEFT 0.18 to 0.21 load nothing",
}
"""Model classes with which adapters of the old names were loaded, and what newer releases did with them."""
_EFFECTIVE = (
    "trainable_token_indices",
    "use_qalora",
    "target_parameters",
    "alora_invocation_tokens",
    "use_bdlora",
)
"""Keys newer than 0.14 that change what is built on loading; others only matter for training (eva_config, corda_config,
lora_ga_config, velora_config, monteclora_config) or say how (qalora_group_size)."""


@dataclass(frozen=True, slots=True)
class Window:
    """``says``: what to load the adapter with; ``member``: the key that decides, or None for the file's."""

    says: str
    member: str | None = None


def oldest_peft(config: AdapterConfig) -> str | None:
    """The oldest PEFT that knows the method and all keys of the file; None when no release read does."""
    known = adapter_keys(config.peft_type)
    whole = [low for low, _, keys in known.sets if config.keys <= keys] if known else []
    return known.releases[whole[0]] if known and whole else None


def libraries(config: AdapterConfig) -> tuple[str, ...]:
    """What the configuration alone asks of the libraries; empty for another program's file."""
    known = adapter_keys(config.peft_type)
    if known is None:
        return ()
    oldest = oldest_peft(config)
    said = [
        f"PEFT {_minor(oldest)} or newer{_older(oldest)}" if oldest else "a PEFT newer than all read here"
    ]
    low = transformers_min_for_class(config.base_model_class or "")
    return (*said, f"transformers {_minor(low)} or newer") if low else tuple(said)


def _older(oldest: str) -> str:
    """What releases do with keys they do not know (0.5.0 and older set only the attributes they have)."""
    if version_key(oldest) <= version_key(STOPS):
        return ""
    if version_key(oldest) <= version_key(DROPS_KEYS):
        return f" ({STOPS} and newer stop at keys they do not know)"
    return f" (from {DROPS_KEYS} on older ones leave out keys they do not know, with a warning; {STOPS} to 0.13 stop)"


def of_renamed(config: AdapterConfig, name: str, renamed: Renaming) -> Window:
    """The window of an adapter that holds the old names of a class whose modules were renamed."""
    oldest = oldest_peft(config)
    low = transformers_min_for_class(name)
    last, first = _minor(renamed.last), _minor(renamed.first)
    old = f"transformers {_minor(low)} to {last}" if low else f"transformers {last} or older"
    peft = f"PEFT {_minor(oldest)} or newer" if oldest else "a PEFT that knows its keys"
    return Window(
        f"load the adapter with {old} and {peft}, or with transformers {first} to {SURE} and PEFT "
        f"{_newest(MAPS_NAMES, oldest)} or newer ({_newest(FIRST_OF_5, oldest)} under transformers 5); under "
        f"transformers {first} or newer {_otherwise(oldest)}, and newer transformers than {SURE} may load "
        "part or nothing of it"
    )


def _newest(version: str, other: str | None) -> str:
    return max((version, _minor(other or version)), key=version_key)


def _otherwise(oldest: str | None) -> str:
    """What releases of PEFT that do not map names do with it."""
    if oldest is not None and version_key(oldest) < version_key(DROPS_KEYS):
        return "older PEFT serves the base model alone, before 0.14 without a word"
    return "older PEFT serves the base model alone or stops"


def of_features(config: AdapterConfig) -> Iterator[Window]:
    """One window for each key in use that releases from 0.14 on leave out when they do not know it."""
    known = adapter_keys(config.peft_type)
    for key in _EFFECTIVE:
        if known is None or key not in known.written or not config.raw.get(key):
            continue
        first = known.first(key)
        yield Window(
            f"load the adapter with PEFT {_minor(first)} or newer: from {DROPS_KEYS} on, older releases leave "
            f"`{key}` out with a warning and build another adapter",
            f"/{key}",
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
