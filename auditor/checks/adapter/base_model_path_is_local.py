"""`base_model_name_or_path` is a folder of the machine that trained, so nobody else can resolve it.

PEFT writes the name under which the base model was loaded (peft 0.13.2, peft_model.py,
`save_pretrained`) and uses it again to find the base: AutoPeftModel, the hub's lineage and merge tools
fail elsewhere, and the file proves nothing about which base it was.

It is a note where the run's own adapter names a model of the same name: whoever loads that one finds the base.

Wrong when: the audience has the same folder, such as a shared mount inside one platform.

Fix: set `base_model_name_or_path` to the hub id or the repository of the base, and `revision` to its
commit.

Bad:
    adapter_config.json: /base_model_name_or_path = "/root/models/tiny-gemma3"

Good:
    # a bare name may be an id of the hub
    adapter_config.json: /base_model_name_or_path = "tiny-gemma3"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._base_names import is_machine_path, same_model
from auditor.model import Problem, Severity
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(config: AdapterConfig, run: Run | None) -> Iterator[Problem]:
    """Judge the spelling only; a bare name may be a hub id. No name at all is `base-model-not-named`."""
    name = config.base_model_name_or_path
    if name is None or not config.is_peft:
        return
    place = config.at("/base_model_name_or_path")
    if is_machine_path(name):
        yield Problem(
            f"the base model is named by a path of the machine that trained: {name}",
            place,
            expected="a hub id or a repository",
            observed=name,
            severity=Severity.NOTE if _is_named_at_the_root(config, name, run) else None,
        )


def _is_named_at_the_root(config: AdapterConfig, name: str, run: Run | None) -> bool:
    """Whether another folder's config, the run's own, names the same model by something that resolves."""
    own = run.root.one(AdapterConfig) if run else None
    named = own.base_model_name_or_path if own is not None and own.path != config.path else None
    return bool(named) and not is_machine_path(str(named)) and same_model(str(named), name)
