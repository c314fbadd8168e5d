"""`base_model_name_or_path` is a folder of the machine that trained, so nobody else can resolve it.

PEFT writes the name under which the base model was loaded (peft 0.13.2, peft_model.py,
`save_pretrained`) and uses it again to find the base: AutoPeftModel, the hub's lineage and merge tools
fail elsewhere, and the file proves nothing about which base it was.

Wrong when: the audience has the same folder, such as a shared mount inside one platform.

Fix: set `base_model_name_or_path` to the hub id or the repository of the base, and `revision` to its
commit.
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._base_names import is_machine_path
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(config: AdapterConfig) -> Iterator[Problem]:
    """Judge the spelling only; a bare name may be a hub id and is left alone, and so is null."""
    name = config.base_model_name_or_path
    if name is None or not config.is_peft:
        return
    place = config.at("/base_model_name_or_path")
    if not name.strip():
        yield Problem(
            "`base_model_name_or_path` is empty, so the adapter names no base model", place, observed='""'
        )
    elif is_machine_path(name):
        yield Problem(
            f"the base model is named by a path of the machine that trained: {name}",
            place,
            expected="a hub id or a repository",
            observed=name,
        )
