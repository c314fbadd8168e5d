"""Whether the base was quantized, from the model configuration in the event file.

TensorBoardCallback writes ``model.config.to_json_string()`` into the text ``model_config/text_summary``
when training begins (transformers 4.51.3 and 5.23.0, integrations/integration_utils.py), and a quantized
model's configuration holds ``quantization_config`` (configuration_utils.py ``to_dict``), so its absence
there is telling. adapter_config.json never stores quantization, total_flos is the same with and without it,
and PEFT's card names none by a defect (peft 0.11 to 0.21, peft_model.py): none of these says anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.event_log import EventLog
from auditor.claims import DECLARED, Ledger
from auditor.evidence._say import contradicted, unverifiable, verified
from auditor.model import Evidence, Statement, folder_of, name_of
from auditor.runs import Run

CLAIM = "quantization"
_BITS = {"int4": 4, "4bit": 4, "nf4": 4, "fp4": 4, "int8": 8, "8bit": 8}
_NONE = ("none", "no", "null", "false", "")


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test a declared quantization, by the last event file that holds a model configuration."""
    stated = ledger.statement(CLAIM, DECLARED)
    if stated is None:
        return
    word = str(stated.value).strip().lower() if stated.value is not None else ""
    wanted = 0 if word in _NONE else _BITS.get(word)
    logs = [log for log in run.events if log.model_config()]
    if wanted is None or not (wanted or logs):
        return
    if not logs:
        yield _elsewhere(run, wanted, stated) or unverifiable(
            CLAIM,
            f"{_why_not(run)}; only the model configuration in an event file would show {word}",
            stated.path,
        )
        return
    log = logs[-1]
    yield _judged(wanted, stated, log.model_config().get("quantization_config"), log.path)


def _elsewhere(run: Run, wanted: int, stated: Statement) -> Evidence | None:
    """An event file of no run that says what is declared: whose it is nobody knows, so it proves and denies nothing."""
    folders = run.contents.folders.values()
    trained = {folder_of(f.path) if f.step is not None else f.path for f in folders if f.all(AdapterConfig)}
    for log in (log for folder in folders for log in folder.all(EventLog)):
        if any(not path or f"{folder_of(log.path)}/".startswith(f"{path}/") for path in trained):
            continue
        found = bits_of(log.model_config().get("quantization_config"))
        if found == wanted:
            says = f"an event file outside every run's folder says {found} bits; it may be this run's"
            return replace(unverifiable(CLAIM, says, stated.path, log.path), value=found)
    return None


def bits_of(config: object) -> int:
    """4, 8, or 0 where a quantization_config (bitsandbytes, GPTQ, AWQ) says neither."""
    if not isinstance(config, Mapping):
        return 0
    for key, bits in (("load_in_4bit", 4), ("_load_in_4bit", 4), ("load_in_8bit", 8), ("_load_in_8bit", 8)):
        if config.get(key) is True:
            return bits
    bits = config.get("bits", config.get("w_bit"))
    return bits if isinstance(bits, int) and bits in (4, 8) else 0


def _judged(wanted: int, stated: Statement, config: object, path: str) -> Evidence:
    found = bits_of(config)
    kind = config.get("bnb_4bit_quant_type") if isinstance(config, Mapping) and found == 4 else None
    shown = f"{found} bits{f' ({kind})' if kind else ''}" if found else "no quantization"
    if isinstance(config, Mapping) and config and not found:
        return unverifiable(CLAIM, "the event file's quantization_config is of a kind not known here", path)
    if found == wanted:
        return verified(CLAIM, f"the model configuration in the event file says {shown}", "", found, path)
    says = (
        f"{stated.key} is declared as {stated.value}, and the event file's model configuration says {shown}"
    )
    return contradicted(CLAIM, says, "", found, stated.path, path)


def _why_not(run: Run) -> str:
    """Why no event file with a model configuration is at hand."""
    for unread in run.contents.unread:
        if name_of(unread.path).startswith("events.out.tfevents."):
            return f"the event file was not read ({unread.state})"
    return "the event file holds no model configuration" if run.events else "no event file is in the run"
