"""The saved adapter_config.json has `inference_mode` false, which PEFT's own saving never writes.

`save_pretrained` sets `inference_mode` to true before it writes the file (peft 0.13.2, peft_model.py).
False means that another program wrote or edited the file. The adapter loads all the same, because
loading sets the value again.

A configuration without weights beside it is left alone: `PeftConfig.save_pretrained` alone writes false, and
axolotl calls it before training begins.

Wrong when: the adapter comes from a trainer with its own saving code; all such public adapters looked
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
    if config.is_peft and config.inference_mode is False and beside & _WEIGHTS:
        yield Problem(
            "`inference_mode` is false, so the file was not written by PEFT's `save_pretrained`",
            config.at("/inference_mode"),
            expected="true",
            observed="false",
        )
