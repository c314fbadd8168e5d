"""`base_model_name_or_path` is a folder of the machine that trained, so nobody else can resolve it.

PEFT writes the name under which the base model was loaded (peft 0.13.2, peft_model.py,
`save_pretrained`) and uses it again to find the base: AutoPeftModel, the hub's lineage and merge tools
fail elsewhere, and the file proves nothing about which base it was.

It is a note where another file names the model: the run's own adapter does so for its checkpoints, or the card
does by a hub id with the same last part. It is one, too, where the adapter is a file inside a project and not what
the repository publishes: there the path is that of the project's own scripts.

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
from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path, same_model
from auditor.checks._published import is_published
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
            severity=None
            if is_published(run) and not _is_named_elsewhere(config, name, run)
            else Severity.NOTE,
        )


def _is_named_elsewhere(config: AdapterConfig, name: str, run: Run | None) -> bool:
    """Whether the run's own config or card names the same model by something that resolves."""
    own, card = (run.root.one(AdapterConfig), run.root.one(ModelCard)) if run else (None, None)
    named = [own.base_model_name_or_path or ""] if own is not None and own.path != config.path else []
    named += card.base_model if card is not None else ()
    return any(other and not is_machine_path(other) and same_model(other, name) for other in named)
