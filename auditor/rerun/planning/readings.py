"""Other readings of a recipe: what no file decides, and what platforms do instead of what was declared."""

from collections.abc import Iterator, Mapping

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.claims import Ledger
from auditor.model import Alternative, Setting
from auditor.rerun.planning import base_dtype, extras, mean_loss, padding, row_order, stored
from auditor.runs import Run


def of_run(run: Run, ledger: Ledger, known: Mapping[str, Setting]) -> tuple[Alternative, ...]:
    """The readings that a run's states, its base and a plan's settings leave, the likeliest first."""
    built = stored.reading(run.latest(OptimizerState), known)
    orders = row_order.readings(ledger, known)
    unusual = extras.readings(known)
    return (*built, *base_dtype.readings(run, known), *unusual, *readings(known), *orders)


def readings(known: Mapping[str, Setting]) -> tuple[Alternative, ...]:
    """The readings that a plan's settings leave, the likeliest first.

    Open ones change what was assumed because no file says it; a run that matches one is as honest. The others are
    slips that were seen in platforms: accumulation that was not applied, dropout that was.
    """
    return (*_open(known), *mean_loss.readings(known), *_slips(known))


def _open(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    packing = known.get("packing")
    if packing is not None and packing.assumed and _can_pack(known):
        yield Alternative(
            {"packing": not packing.value},
            f"packing = {not packing.value}: no file says whether rows were packed",
            open=True,
        )
    quantization = known.get("quantization")
    if quantization is not None and quantization.assumed and quantization.value is None and "r" in known:
        says = "quantization = int4: no file says whether the base was quantised"
        yield Alternative({"quantization": "int4"}, says, open=True)
    for key, why in (
        ("add_eos_token", "no file says whether a row ends in eos"),
        ("bnb_4bit_use_double_quant", "no file says whether scales were quantised too"),
    ):
        setting = known.get(key)
        if setting is not None and setting.assumed and _matters(key, known):
            yield Alternative({key: not setting.value}, f"{key} = {not setting.value}: {why}", open=True)
    yield from padding.readings(known)
    dtype = known.get("compute_dtype")
    if dtype is not None and dtype.assumed:
        other = "float32" if dtype.value == "bfloat16" else "bfloat16"
        yield Alternative(
            {"compute_dtype": other}, f"compute_dtype = {other}: no file says the precision", open=True
        )


def _slips(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    batch, accumulation = known["per_device_train_batch_size"], known["gradient_accumulation_steps"]
    if isinstance(accumulation.value, int) and accumulation.value > 1:
        yield Alternative(
            {"gradient_accumulation_steps": 1},
            "gradient_accumulation_steps = 1: the accumulation was not applied",
        )
        if isinstance(batch.value, int):
            rows = batch.value * accumulation.value
            yield Alternative(
                {"per_device_train_batch_size": rows, "gradient_accumulation_steps": 1},
                f"per_device_train_batch_size = {rows}, gradient_accumulation_steps = 1: the same rows a step in one "
                "micro-batch",
            )
    dropout = known["lora_dropout"].value if "lora_dropout" in known else None
    if isinstance(dropout, int | float) and dropout > 0:
        yield Alternative({"lora_dropout": 0.0}, "lora_dropout = 0.0: the dropout was not applied")


def _can_pack(known: Mapping[str, Setting]) -> bool:
    return bool(known["block_size"].value or known["max_length"].value)


def _matters(key: str, known: Mapping[str, Setting]) -> bool:
    return key != "bnb_4bit_use_double_quant" or known["quantization"].value == "int4"
