"""The card says the folder is for another library than PEFT, and the folder holds a PEFT adapter.

Hubs take the loading snippet and the widget from `library_name`, and PEFT writes "peft" there (peft 0.21.2,
peft_model.py, `create_or_update_model_card`). With "transformers" users are shown how to
load a full model, and search by library does not find the adapter.

Wrong when: merged weights are in the folder too, which is recognised, or a training tool wrote the line: TRL
and Unsloth do, and Transformers loads an adapter if PEFT is installed; with their tags this is only a note, and
so it is inside a project, which no hub shows.

Fix: write `library_name: peft` into the card.

Bad:
    README.md: "library_name: peft" -> "library_name: transformers"

Good:
    # merged weights are in the folder too
    README.md: "library_name: peft" -> "library_name: transformers"
    model.safetensors: = "the whole model"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._published import is_published
from auditor.model import Problem, Severity, name_of
from auditor.runs import Contents, Run

SEVERITY = Severity.WARNING

_FINE = frozenset(
    {
        "peft",
        "diffusers",
        "adapter-transformers",
        "adapters",
        "mlx",
        "sentence-transformers",
        "setfit",
        "unsloth",
    }
)
_MERGED = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)
_TRL = "It has been trained using [TRL]"
"""From TRL's own card, which says ``library_name: transformers`` of every model and, in some releases, has no tag of
TRL's (trl 0.12.2, templates/lm_model_card.md)."""
_TOOLS = frozenset({"trl", "unsloth", "llama-factory", "axolotl", "swift"})


def check(card: ModelCard, config: AdapterConfig, contents: Contents, run: Run | None) -> Iterator[Problem]:
    """Silent where no library is named: hubs recognise adapter_config.json by themselves."""
    library = card.library_name
    if library is None or library.lower() in _FINE or not config.is_peft:
        return
    inside = {name_of(path) for path in contents.snapshot.under(card.folder)}
    if inside & set(_MERGED):
        return
    tags = {tag.lower() for tag in card.tags}
    told = (
        bool(tags & _TOOLS)
        or _TRL in card.body
        or any(tag.startswith("base_model:adapter:") for tag in tags)
        or "peft" in tags
    )
    yield Problem(
        f"library_name is {library}, and the folder holds a PEFT adapter",
        card.at("library_name"),
        expected="peft",
        observed=library,
        severity=Severity.NOTE if told or not is_published(run) else None,
    )
