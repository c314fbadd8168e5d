"""The modules of a base model whose own configuration is at hand."""

from collections.abc import Mapping

from auditor.artifacts.architecture import LinearModule, Tower, modules_by_key
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Skip


def modules_at_hand(base: BaseConfig) -> Mapping[tuple[Tower, str], LinearModule] | Skip:
    """Linear modules by `module_key`, or why they are not known: a mere name proves no dimensions."""
    if base.known is not None:
        return Skip("the base model's own configuration is not at hand (give --base DIR)")
    modules = modules_by_key(base)
    if modules is None:
        return Skip(f"the modules of model type {base.model_type or 'null'} are not known")
    return modules
