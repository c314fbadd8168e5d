"""`auto_mapping` names a model class outside the libraries that PEFT trusts, so loading imports other code.

AutoPeftModel imports `parent_library` with importlib (peft 0.21.2, auto.py). Newer PEFT refuses every
package outside transformers, diffusers, lerobot and megatron-core unless the user allows it; older PEFT
imports it without a question. `transformers_modules` is code that was downloaded with
`trust_remote_code`.

Wrong when: the package is one that you install and trust.

Fix: read the named module before loading the adapter; load with PeftModel on a base that you built
yourself.

Bad:
    adapter_config.json: /auto_mapping = {"parent_library": "transformers_modules.acme.modeling_acme"}

Good:
    adapter_config.json: /auto_mapping = {"parent_library": "diffusers.models.unets.unet_2d_condition"}
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING

_KNOWN = frozenset(
    {"transformers", "peft", "diffusers", "torch", "timm", "sentence_transformers", "lerobot", "megatron"}
)
"""Packages in which public adapters have their model classes; the first part of a dotted name."""


def check(config: AdapterConfig) -> Iterator[Problem]:
    """Judge the package's name only."""
    library = config.parent_library
    if library and config.is_peft and library.partition(".")[0] not in _KNOWN:
        yield Problem(
            f"loading with AutoPeftModel imports {library}, which belongs to none of the known model "
            "libraries",
            config.at("/auto_mapping/parent_library"),
            expected="a module of transformers or another known library",
            observed=library,
        )
