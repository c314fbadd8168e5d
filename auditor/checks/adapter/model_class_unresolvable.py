"""adapter_config.json names neither a task type nor a model class, so AutoPeftModel cannot load the adapter.

AutoPeftModel takes the class from `task_type`, else from `auto_mapping`, else raises ValueError (peft
0.21.2, auto.py). `save_pretrained` writes `auto_mapping` exactly when `task_type` is null (peft 0.13.2,
peft_model.py), so a file without both was edited or written by another program.

Wrong when: the adapter is only ever loaded with PeftModel on a base built by hand, or by diffusers,
which needs neither.

Fix: pass `task_type` to LoraConfig, for example CAUSAL_LM, and save again.

Bad:
    # auto_mapping is null already
    adapter_config.json: /task_type = null

Good:
    # a file from before auto_mapping existed
    adapter_config.json: /task_type = null
    adapter_config.json: /auto_mapping removed
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR


def check(config: AdapterConfig) -> Iterator[Problem]:
    """Files from before `auto_mapping` existed, and adapters without a base name, are left alone."""
    if not config.is_peft or "auto_mapping" not in config.keys or not config.base_model_name_or_path:
        return
    if config.raw.get("task_type") is None and config.raw.get("auto_mapping") is None:
        yield Problem(
            "`task_type` and `auto_mapping` are both null, so AutoPeftModel cannot tell which model "
            "class to load",
            config.at("/task_type"),
            expected="a task type, or a class in auto_mapping",
            observed="null, null",
        )
