"""The modules of a base model whose own configuration is at hand."""

from auditor.architectures._structure import Structure
from auditor.architectures._wrapping import candidates
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Skip


def bases_at_hand(base: BaseConfig, config: AdapterConfig | None) -> tuple[Structure, ...] | Skip:
    """The base in each generation and class that may have been trained, or why not (a name proves nothing)."""
    if base.known is not None:
        return Skip("the base model's own configuration is not at hand (give --base DIR)")
    if base.auto_map:
        return Skip("the base model is built by code of its own (auto_map), whose modules are not known")
    found = candidates(base, config if config is not None else AdapterConfig("", {}, frozenset()))
    return Skip(found) if isinstance(found, str) else found
