"""The adapter holds LoRA matrices for modules that the base model does not have.

PEFT looks modules up by name. A name that leads nowhere is dropped when the adapter is loaded, at best
with a warning about unexpected keys (peft 0.21.2, utils/save_and_load.py), and that part of the
training is lost.

Wrong when: the base given is not the one the adapter was trained on. Renamed prefixes of transformers
4.52 are allowed for; where releases name the layers themselves differently (experts, ViT), only a layer whose number
no release has is lost.

Fix: give the base model that was trained on; a name with `base_model.model` in its middle comes from an
adapter that was wrapped twice and has to be saved again from the inner model.

Bad:
    base: tiny
    # the base has two layers
    adapter_model.safetensors: tensor *.layers.1.* renamed ".layers.1." -> ".layers.7."

Good:
    base: tiny
    # the names of transformers 4.51 and older
    adapter_model.safetensors: tensor * renamed "model.language_model" -> "language_model.model"
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from auditor.architectures._names import layer_of, module_key
from auditor.architectures._parts import Tower
from auditor.architectures._structure import Structure
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.checks._wording import counted
from auditor.checks.adapter._at_hand import bases_at_hand
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR
_OTHER_LAYERS = ("layer_replication", "target_parameters")
"""Settings under which the adapter's names are not those of the base's modules."""


def check(config: AdapterConfig, weights: AdapterWeights, base: BaseConfig) -> Iterator[Problem | Skip]:
    """Only modules inside numbered layers are looked up: heads and projectors have many names."""
    found = bases_at_hand(base, config)
    if isinstance(found, Skip):
        yield found
        return
    other = next((key for key in _OTHER_LAYERS if config.raw.get(key)), None)
    if other is not None:
        yield Skip(f"`{other}` gives the model other layers than its configuration says")
        return
    known = _Known.of(found)
    names = [name for name in weights.pairs() if layer_of(name) and not known.hides(name)]
    lost = [name for name in names if known.lacks(name)]
    if lost:
        yield Problem(
            f"the base model lacks {len(lost)} of {counted(len(names), 'module')}, first {lost[0]}",
            weights.at(lost[0]),
            expected="modules of the base model",
            observed=lost[0],
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """Keys of modules and numbers of layers in any release; ``stable`` when all releases have the same ones."""

    modules: frozenset[tuple[Tower, str]]
    layers: frozenset[tuple[Tower, int] | None]
    stable: bool
    hidden: frozenset[str]

    @classmethod
    def of(cls, found: tuple[Structure, ...]) -> Self:
        tables = [frozenset(structure.by_key()) for structure in found]
        named = [module for structure in found for module in structure.modules if module.name]
        return cls(
            frozenset().union(*tables),
            frozenset(layer_of(module.name) for module in named),
            all(table == tables[0] for table in tables),
            frozenset(module.name.rpartition(".")[2] for module in named if module.kind == "opaque"),
        )

    def hides(self, name: str) -> bool:
        """Whether the module lies in a part of the model that is not known."""
        return not self.hidden.isdisjoint(name.split("."))

    def lacks(self, name: str) -> bool:
        if module_key(name) in self.modules:
            return False
        return self.stable or layer_of(name) not in self.layers
