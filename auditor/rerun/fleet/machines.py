"""Which trainings ran on another kind of machine than the rerun: those belong to the noise, not to equal repeats."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from auditor.rerun.outputs import Output
from auditor.rerun.trials import REPEAT, VARIATION

_KINDS = {
    "device": "device",
    "processor": "processor",
    "cpu_capability": "instructions",
    "platform": "platform",
    "driver": "driver",
    "cuda": "CUDA",
}
"""Key of the child's environment.json -> what people call it. Names of hosts are not among them."""
_FLAGGED = {"cpu_capability": "ATEN_CPU_CAPABILITY"}
"""What a training may have been asked to do otherwise, by a variable."""


def placed(output: Output, rerun: Output) -> Output:
    """A training that says on what other kind of machine it ran; a repeat there becomes a variation."""
    difference = ", ".join(unlike(output, rerun))
    if not difference or output is rerun or output.trial is None:
        return output
    says = f"{output.says} on another machine ({difference})"
    role = VARIATION if output.trial.role == REPEAT else output.trial.role
    return replace(output, says=says, trial=replace(output.trial, role=role, says=says))


def unlike(output: Output, rerun: Output) -> Iterator[str]:
    """What the machine of a training has otherwise than that of the rerun, one phrase each."""
    theirs, ours = _environment(output), _environment(rerun)
    flags = output.trial.flags if output.trial is not None else {}
    for key, name in _KINDS.items():
        if key in theirs and key in ours and theirs[key] != ours[key] and _FLAGGED.get(key) not in flags:
            yield f"{name} {theirs[key]} instead of {ours[key]}"
    here, there = _mapping(ours, "versions"), _mapping(theirs, "versions")
    for name in sorted(here.keys() & there.keys()):
        if here[name] != there[name]:
            yield f"{name} {there[name]} instead of {here[name]}"


def _environment(output: Output) -> Mapping[str, object]:
    found = output.json("environment.json")
    return found if isinstance(found, dict) else {}


def _mapping(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}
