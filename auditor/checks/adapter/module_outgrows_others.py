"""One module's lora_B is over a hundred times as large as the others'.

Adam moves every number by about the learning rate a step, whatever the size of its gradient (torch 2.13.0,
optim/adam.py), so the largest numbers of all modules that a run trained are of one size. A module far above them was
scaled or replaced afterwards, diverged, or was trained with a rate of its own.

Wrong when: the optimizer is not of Adam's kind, or a group of modules has a learning rate of its own.

Fix: look at the module's loss curve and at the checkpoints before; publish the adapter as the trainer saved it.

Bad:
    adapter_model.safetensors: tensor *.layers.1.mlp.up_proj.lora_B.weight * 500

Good:
    adapter_model.safetensors: tensor *.layers.1.mlp.up_proj.lora_B.weight * 20
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import plain_number
from auditor.compare.conditions import OUTGROWN, outgrown
from auditor.compare.reach import ZERO_STARTS, moved
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.NOTE


def check(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    """One finding that names the module that stands out most."""
    if config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
        yield Skip(f"whether lora_B of {weights.path} started at zero is not known")
        return
    try:
        modules = list(moved(weights))
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    if len(modules) < 4:
        yield Skip("fewer than four modules are too few to say which size is usual")
        return
    times = outgrown(modules)
    if not times:
        return
    worst = max(times, key=lambda module: times[module])
    tensor = next(item.tensor for item in modules if item.module == worst)
    others = f", and {len(times) - 1} more stand out" if len(times) > 1 else ""
    yield Problem(
        f"lora_B of {worst} is {plain_number(round(times[worst]))} times as large as the others' median{others}",
        weights.at(tensor),
        expected=f"within {OUTGROWN:g} times of the others",
        observed=f"{plain_number(round(times[worst]))} times",
    )
