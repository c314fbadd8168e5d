"""Rank, modules and DoRA, from the shapes and names of the adapter's tensors.

PEFT builds ``lora_A`` with r rows and ``lora_B`` with r columns on every module that target_modules
matches, and a magnitude vector where use_dora is set (peft 0.13.2 and 0.21.2, tuners/lora/layer.py
``update_layer``); rank_pattern overrides r. lora_alpha only scales the product when the model runs and
leaves no trace in a tensor.
"""

from collections.abc import Iterator

from auditor.architectures._wrapping import MOST_LOOKUPS
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.claims import Ledger
from auditor.evidence._say import contradicted, count, unverifiable, verified
from auditor.model import Evidence
from auditor.runs import Run


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test r, target_modules, use_dora and lora_alpha by the weights beside the run's adapter_config.json."""
    config, weights = _pair(run)
    if config is None or weights is None or config.peft_type != "LORA" or not weights.pairs():
        return
    # Block-diagonal LoRA and adapters on bare parameters store other shapes under the same names.
    if config.raw.get("use_bdlora") or config.raw.get("target_parameters"):
        return
    paths = (weights.path, config.path)
    yield from _ranks(config, weights, paths)
    yield from _modules(config, weights, paths)
    yield from _dora(config, weights, paths)
    if ledger.get("lora_alpha") is not None:
        says = "tensors hold no trace of lora_alpha, which only scales their product"
        yield unverifiable("lora_alpha", says, weights.path)


def _pair(run: Run) -> tuple[AdapterConfig | None, AdapterWeights | None]:
    """Config and weights of one folder: the run's own first, then checkpoints, the newest first."""
    for folder in (run.root, *reversed(run.checkpoints)):
        config, weights = folder.one(AdapterConfig), folder.one(AdapterWeights)
        if config is not None and weights is not None:
            return config, weights
    return None, None


def _ranks(config: AdapterConfig, weights: AdapterWeights, paths: tuple[str, ...]) -> Iterator[Evidence]:
    ranks = dict(weights.ranks())
    if len(ranks) * len(config.rank_pattern) > MOST_LOOKUPS:
        yield unverifiable("r", "rank_pattern has too many entries to follow", *paths)
        return
    wrong = [(module, rank) for module, rank in ranks.items() if rank != config.rank_of(module)]
    if not ranks or config.rank_of(next(iter(ranks))) is None:
        return
    if not wrong:
        shown = " and ".join(str(rank) for rank in sorted(set(ranks.values()))[:5])
        says = f"the matrices of all {count(len(ranks), 'module')} have rank {shown}"
        yield verified("r", says, "", ranks[next(iter(ranks))], *paths)
        return
    module, rank = wrong[0]
    says = (
        f"{count(len(wrong), 'module')} of {len(ranks)} have another rank: {module} has {rank} where "
        f"adapter_config.json gives {config.rank_of(module)}"
    )
    yield contradicted("r", says, "", rank, *paths)


def _modules(config: AdapterConfig, weights: AdapterWeights, paths: tuple[str, ...]) -> Iterator[Evidence]:
    modules = tuple(weights.pairs())
    answers = {module: config.targets(module) for module in modules}
    strange = [module for module, answer in answers.items() if answer is False]
    if any(pointer.startswith("/target_modules") for pointer, _ in config.type_errors):
        yield unverifiable("target_modules", "target_modules is neither a list of names nor a text", *paths)
    elif None in answers.values():
        says = f"the expression in target_modules {config.pattern_problem or 'is not matched'}"
        yield unverifiable("target_modules", says, *paths)
    elif strange:
        told = f"the weights hold {count(len(strange), 'module')}"
        says = f"{told} that target_modules does not name: {strange[0]}"
        yield contradicted("target_modules", says, "", None, *paths)
    else:
        yield from _all_named(config, modules, paths)


def _all_named(config: AdapterConfig, modules: tuple[str, ...], paths: tuple[str, ...]) -> Iterator[Evidence]:
    """Every module is targeted; a list is verified when each of its names has a module."""
    names = config.target_modules if isinstance(config.target_modules, frozenset) else frozenset()
    idle = sorted(n for n in names if not any(m == n or m.endswith("." + n) for m in modules))
    if idle:
        says = f"no module in the weights is named {idle[0]}, which target_modules asks for"
        yield unverifiable("target_modules", says, *paths)
    else:
        says = f"the weights hold {count(len(modules), 'module')}, all named by target_modules"
        yield verified("target_modules", says, "", len(modules), *paths)


def _dora(config: AdapterConfig, weights: AdapterWeights, paths: tuple[str, ...]) -> Iterator[Evidence]:
    if "use_dora" not in config.keys:
        return
    vectors = sum(pair.magnitude is not None for pair in weights.pairs().values())
    if bool(vectors) == config.use_dora:
        says = f"the weights hold {count(vectors, 'magnitude vector') if vectors else 'no magnitude vector'}"
        yield verified("use_dora", says, "", config.use_dora, *paths)
    else:
        told = f"use_dora is {str(config.use_dora).lower()}"
        says = f"{told}, and the weights hold {count(vectors, 'magnitude vector')}"
        yield contradicted("use_dora", says, "", bool(vectors), *paths)
