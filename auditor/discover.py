"""A folder of modules as a dict of names: the only registry of rules, readers, renderers and platforms."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType


def modules(package_name: str) -> dict[str, ModuleType]:
    """Import every public module below a package; keys are the last dotted part, sorted.

    Two modules of one name in different sub-packages raise ``ValueError``: a file name is an id.
    """
    found: dict[str, ModuleType] = {}
    for dotted in sorted(below(package_name)):
        name = dotted.rpartition(".")[2]
        if name in found:
            raise ValueError(f"two modules are called {name}: {found[name].__name__} and {dotted}")
        found[name] = importlib.import_module(dotted)
    return dict(sorted(found.items()))


def below(package_name: str) -> Iterator[str]:
    """The dotted names of all public modules below a package; packages alone are imported."""
    package = importlib.import_module(package_name)
    for info in pkgutil.walk_packages(package.__path__, package_name + "."):
        if not info.ispkg and not info.name.rpartition(".")[2].startswith("_"):
            yield info.name


def module(package_name: str, name: str) -> ModuleType | None:
    """Import the one public module of a name below a package, and none of its neighbours; None when there is none."""
    dotted = next((dotted for dotted in below(package_name) if dotted.rpartition(".")[2] == name), None)
    return None if dotted is None else importlib.import_module(dotted)


def rule_id(module_name: str) -> str:
    """``lora_rank_mismatch`` on disk is ``lora-rank-mismatch`` for people."""
    return module_name.rpartition(".")[2].replace("_", "-")


def names(package_name: str) -> tuple[str, ...]:
    """The public module names directly in a package, sorted, without importing any of them."""
    package = importlib.import_module(package_name)
    found = (info.name for info in pkgutil.iter_modules(package.__path__) if not info.ispkg)
    return tuple(sorted(name for name in found if not name.startswith("_")))
