"""The saved adapter_config.json has `inference_mode` false, which PEFT's own saving never writes.

`save_pretrained` sets `inference_mode` to true before it writes the file (peft 0.13.2, peft_model.py).
False means that another program wrote or edited the file. The adapter loads all the same, because
loading sets the value again.

A configuration without weights beside it is left alone: `PeftConfig.save_pretrained` alone writes false, and
axolotl calls it before training begins. So is the adapter that a conversion for the plain base began from: PEFT writes
its configuration anew, and the converted one has twice its rank (`path_initial_model_for_weight_conversion`).

Wrong when: the adapter comes from a trainer with its own saving code, or from transformers' own integration
(`model.add_adapter`, then `model.save_pretrained`, as sentence-transformers does); all such public adapters looked
at were usable.

Fix: none is needed; save with `save_pretrained` if the file's origin is to be beyond doubt.

Bad:
    adapter_config.json: /inference_mode = false

Good:
    adapter_config.json: /inference_mode removed
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Problem, Severity, name_of
from auditor.runs import Contents

SEVERITY = Severity.NOTE

_WEIGHTS = {"adapter_model.safetensors", "adapter_model.bin"}


def check(config: AdapterConfig, contents: Contents) -> Iterator[Problem]:
    """An absent key says nothing."""
    beside = {name_of(path) for path in contents.snapshot.inside(config.folder)}
    if not config.is_peft or config.inference_mode is not False or not beside & _WEIGHTS:
        return
    others = [other for folder in contents.folders.values() for other in folder.all(AdapterConfig)]
    if not any(_is_converted(other, config) for other in others):
        yield Problem(
            "`inference_mode` is false, so the file was not written by PEFT's `save_pretrained`",
            config.at("/inference_mode"),
            expected="true",
            observed="false",
        )


def _is_converted(one: AdapterConfig, start: AdapterConfig) -> bool:
    return (
        start.init_lora_weights is True
        and one.init_lora_weights is True
        and one.inference_mode is True
        and start.r is not None
        and one.r == 2 * start.r
    )
