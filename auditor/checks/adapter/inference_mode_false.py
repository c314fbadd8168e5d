"""The saved adapter_config.json has `inference_mode` false, which PEFT's own saving never writes.

`save_pretrained` sets `inference_mode` to true before it writes the file (peft 0.13.2, peft_model.py).
False means that another program wrote or edited the file. The adapter loads all the same, because
loading sets the value again.

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
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE


def check(config: AdapterConfig) -> Iterator[Problem]:
    """An absent key says nothing."""
    if config.is_peft and config.inference_mode is False:
        yield Problem(
            "`inference_mode` is false, so the file was not written by PEFT's `save_pretrained`",
            config.at("/inference_mode"),
            expected="true",
            observed="false",
        )
