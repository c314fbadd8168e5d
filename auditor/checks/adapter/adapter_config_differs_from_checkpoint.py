"""Two copies of adapter_config.json in one run describe different adapters.

One training run builds its adapter once: every `save_pretrained` writes the same configuration object
(peft 0.13.2 and 0.21.2, peft_model.py). A copy that differs in a value that shapes the adapter was made
by another run or edited, so the weights beside one of the two files do not belong to it. One release of
PEFT writes the same keys each time, so copies that name one release agree in all of them. A published adapter that was
written anew and makes the same update (another scale, PEFT's conversion of PiSSA for the plain base) has a reason.
A value that is unusable or at odds with the weights beside it is reported by the rule for that, with the other copy as
its evidence.

Wrong when: the root holds a later training stage that was meant to have another shape, or the
checkpoint is a leftover of an earlier run.

Fix: copy adapter and configuration together from the checkpoint that is to be published, or remove the
leftover checkpoint.

Bad:
    # checkpoint-18 says none
    adapter_config.json: /bias = "all"

Good:
    # keys that another release of PEFT does not write, and one model by path and by hub id
    adapter_config.json: /peft_version removed
    adapter_config.json: /bias removed
    adapter_config.json: /base_model_name_or_path = "/root/cache/tiny-gemma3"
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._base_names import same_model
from auditor.checks._copies import NAMED, SHAPE, Odd, odd_copy, value_of
from auditor.checks.adapter._told import told_elsewhere
from auditor.checks.adapter._written_anew import written_anew
from auditor.claims import DECLARED, DESCRIBED, Ledger
from auditor.model import Problem, Severity, Skip, Status
from auditor.runs import Run

SEVERITY = Severity.ERROR

_CANONICAL = {"base_model_name_or_path": "base_model", "revision": "base_revision"}


def check(run: Run, ledger: Ledger | None) -> Iterator[Problem | Skip]:
    """Each copy against that of the best checkpoint where the state names one, else of the last; one finding."""
    if not any(folder.one(AdapterConfig) for folder in run.checkpoints) or len(run.all(AdapterConfig)) < 2:
        yield Skip("there is no adapter_config.json in both the run's folder and a checkpoint")
        return
    odd = odd_copy(run)
    if odd is None:
        return
    folder = next(folder for folder in run.folders if odd.one in folder.all(AdapterConfig))
    told = told_elsewhere(odd, folder.one(AdapterWeights), ledger)
    says, explained = written_anew(run) if odd.one is run.root.one(AdapterConfig) else ("", frozenset())
    keys = [key for key in odd.keys if key not in told | explained]
    if says and not keys:
        yield Skip(says)
    elif keys:
        own = odd.one is run.one(AdapterConfig)
        declared = tuple(_declared(ledger, keys)) if own else ()
        yield _problem(odd, keys, declared, tuple(_naming(odd, ledger, keys)))
    else:
        yield Skip(f"what is wrong in {odd.one.path} is reported by itself, with the other copy as evidence")


def _declared(ledger: Ledger | None, keys: Sequence[str]) -> Iterator[str]:
    """What the declaration and the run's results say against the same keys of the copy that speaks for the run."""
    for key in keys:
        claim = ledger.get(_CANONICAL.get(key, key)) if ledger else None
        for item in claim.evidence if claim else ():
            if item.outcome is Status.CONTRADICTED and item.id != "rank-from-tensors":
                yield item.says


def _naming(odd: Odd, ledger: Ledger | None, keys: Sequence[str]) -> Iterator[str]:
    """Who else names the base model that the other copy names."""
    claim = ledger.get("base_model") if ledger and "base_model_name_or_path" in keys else None
    for said in claim.statements if claim else ():
        told = said.role in (DECLARED, DESCRIBED) and isinstance(said.value, str)
        if told and same_model(str(said.value), odd.right.base_model_name_or_path or ""):
            yield f"{said.path} names {said.value}"


def _problem(odd: Odd, keys: Sequence[str], declared: tuple[str, ...], naming: tuple[str, ...]) -> Problem:
    one, right = odd.one, odd.right
    named = ", ".join(f"`{key}`" for key in keys[:NAMED])
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return Problem(
        f"{one.path} differs from {right.path} in {named}{more}",
        one.at(f"/{keys[0]}"),
        expected="; ".join(f"{key} {value_of(right, key)}" for key in keys[:NAMED]),
        observed="; ".join(f"{key} {value_of(one, key)}" for key in keys[:NAMED]),
        evidence=(*declared, *naming),
        severity=None if declared or keys[0] in SHAPE else Severity.WARNING,
    )
