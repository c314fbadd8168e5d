"""The base model of an adapter where adapter_config.json names a false one: a finding, whoever else disagrees."""

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._copies import odd_copy
from auditor.checks._once import once
from auditor.checks.training import event_model_differs_from_base
from auditor.model import Problem, Severity
from auditor.runs import Run

_KEY = "base_model_name_or_path"
REPORTED = "the base model in adapter_config.json is reported as event-model-differs-from-base"


def base_of(run: Run | None, config: AdapterConfig) -> str | None:
    """The base that a configuration names; that of the run's other copies where it stands alone among them."""
    odd = odd_copy(run) if run is not None else None
    alone = odd is not None and odd.one is config and _KEY in odd.keys
    return odd.right.base_model_name_or_path if odd is not None and alone else config.base_model_name_or_path


def is_denied(run: Run | None, config: AdapterConfig) -> bool:
    """Whether the event file logs sizes that the named base has not, which is an error by itself."""
    named = run.one(AdapterConfig) if run is not None else None
    if run is None or named is None or config.base_model_name_or_path != named.base_model_name_or_path:
        return False
    return run.base_source == "table of known models" and _has_other_sizes(run)


@once
def _has_other_sizes(run: Run) -> bool:
    found = event_model_differs_from_base.check(run, run.base, None) if run.base is not None else ()
    return any(isinstance(item, Problem) and item.severity is Severity.ERROR for item in found)
