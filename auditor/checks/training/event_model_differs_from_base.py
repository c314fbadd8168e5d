"""The event file logs another model than the base model that the adapter is audited with.

TensorBoardCallback writes the configuration of the model that trains into the text `model_config/text_summary`
(transformers 4.51.3, integrations/integration_utils.py). Sizes that are not the base model's mean that the log is of
another model, or that the adapter was made for another base than the one given; the adapter cannot be loaded onto both.

Wrong when: the script changed the configuration before it trained. What scripts usually change (number formats,
quantization, special tokens, positions, a vocabulary that grew) is not compared, nor is what the file leaves out.

Fix: publish the event file of the run that made the adapter, and name the base model it was trained on.

Bad:
    base: tiny
    events: model mm_tokens_per_image = 256

Good:
    base: tiny
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.event_log import EventLog
from auditor.checks._base_names import same_model
from auditor.checks._copies import odd_copy
from auditor.checks._wording import counted, joined, shown
from auditor.claims import DECLARED, DESCRIBED, Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_SIZES = frozenset(
    {
        *("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
        *("num_key_value_heads", "head_dim", "n_embd", "n_layer", "n_head", "d_model", "d_ff", "num_experts"),
    }
)
"""What no script changes on a model that it loads: another value is another model, and an error."""
_CHANGED = frozenset(
    {
        *(
            "dtype",
            "torch_dtype",
            "use_cache",
            "transformers_version",
            "quantization_config",
            "architectures",
        ),
        *(
            "pad_token_id",
            "bos_token_id",
            "eos_token_id",
            "max_position_embeddings",
            "rope_scaling",
            "rope_theta",
        ),
        *("rope_parameters", "id2label", "label2id", "num_labels", "problem_type", "auto_map"),
        *("attention_dropout", "hidden_dropout", "layer_types", "sliding_window", "output_hidden_states"),
        *("gradient_checkpointing", "torchscript", "finetuning_task", "is_decoder", "output_router_logits"),
    }
)
"""What training scripts and newer releases change in a configuration that they load."""
_KEY = "base_model_name_or_path"
_DEPTH = 4
_NAMED = 4


def check(run: Run, base: BaseConfig, ledger: Ledger | None) -> Iterator[Problem | Skip]:
    """The last event file with a configuration; each plain value that both have is compared."""
    logs = [log for log in run.events if log.model_config()]
    if not logs:
        yield Skip("no event file of the run holds a model's configuration")
        return
    odd, named = odd_copy(run), run.one(AdapterConfig)
    by_name = run.base_source == "table of known models" and named is not None
    if by_name and odd is not None and odd.one is named and _KEY in odd.keys:
        yield Skip(
            "the copies of adapter_config.json name different base models (adapter-config-differs-from-checkpoint)"
        )
        return
    logged, mine = _plain(logs[-1].model_config()), _plain(base.raw)
    wrong = [key for key in mine if key in logged and _differ(key, mine[key], logged[key])]
    if wrong:
        sizes = [key for key in wrong if key.rpartition(".")[2] in _SIZES]
        found = _problem(logs[-1], base, [*sizes, *(key for key in wrong if key not in sizes)], mine, logged)
        others = _otherwise(ledger, named) if by_name and found.severity is Severity.ERROR else ()
        yield replace(found, evidence=tuple(others))


def _otherwise(ledger: Ledger | None, named: AdapterConfig | None) -> Iterator[str]:
    """Who else names another base model than adapter_config.json, whose model was looked up."""
    claim = ledger.get("base_model") if ledger else None
    mine = (named.base_model_name_or_path if named else None) or ""
    for said in claim.statements if claim else ():
        told = said.role in (DECLARED, DESCRIBED) and isinstance(said.value, str)
        if told and not same_model(str(said.value), mine):
            yield f"{said.path} names {said.value}, and adapter_config.json {mine}"


def _plain(config: Mapping[str, object], prefix: str = "", depth: int = _DEPTH) -> dict[str, object]:
    """The values of a configuration that hold no others, by dotted key."""
    found: dict[str, object] = {}
    for key, value in config.items():
        if key in _CHANGED or key.startswith("unsloth") or key == "_name_or_path":
            continue
        if isinstance(value, dict):
            if depth > 1:
                found.update(_plain(value, f"{prefix}{key}.", depth - 1))
        else:
            found[f"{prefix}{key}"] = value
    return found


def _differ(key: str, one: object, other: object) -> bool:
    """A vocabulary may grow; a null of the base is filled in by the class."""
    if not isinstance(one, bool | int | float | str):
        return False
    if key.rpartition(".")[2] == "vocab_size":
        return isinstance(one, int) and (not isinstance(other, int) or other < one)
    return one != other


def _problem(
    log: EventLog,
    base: BaseConfig,
    keys: list[str],
    mine: Mapping[str, object],
    logged: Mapping[str, object],
) -> Problem:
    first, named = keys[0], keys[:_NAMED] + ([f"{len(keys) - _NAMED} more"] if len(keys) > _NAMED else [])
    return Problem(
        f"the event file's model differs from {base.known or base.path} in {counted(len(keys), 'value')}: "
        f"{joined(named)}",
        log.at(f"model_config/{first}"),
        expected=f"{first} {shown(mine[first])}",
        observed=f"{first} {shown(logged[first])}",
        severity=Severity.ERROR if first.rpartition(".")[2] in _SIZES else None,
    )
