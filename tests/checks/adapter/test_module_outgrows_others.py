from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.rerun.variants import committed, with_tensors

RULE = "module-outgrows-others"
ROOT = "adapter_model.safetensors"
TENSOR = "base_model.model.model.language_model.layers.1.mlp.up_proj.lora_B.weight"


def scaled(factor: float) -> Snapshot:
    edit = with_tensors(committed()[ROOT], lambda name, a: a * a.dtype.type(factor) if name == TENSOR else a)
    return healthy(data={ROOT: edit})


def test_passes_for_the_honest_run_and_for_twenty_times() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, scaled(20)) == []


def test_fails_for_a_module_a_thousand_times_as_large() -> None:
    """Adam moved every module's largest number by about the sum of the rates, so the ratio is about the factor."""
    (only,) = found(RULE, scaled(1000))
    times = float((only.observed or "").split()[0].replace(",", ""))
    assert 900 < times < 1100
    assert only == finding(
        RULE,
        NOTE,
        f"lora_B of model.language_model.layers.1.mlp.up_proj is {times:,.6g} times as large as the others' median",
        ROOT,
        TENSOR,
        expected="within 100 times of the others",
        observed=f"{times:,.6g} times",
    )


def test_says_when_it_cannot_look() -> None:
    (reason,) = set(reasons(RULE, seed()))
    assert "was not read" in reason
    pissa = {
        f"{folder}adapter_config.json": {"/init_lora_weights": "pissa"}
        for folder in ("", "checkpoint-9/", "checkpoint-18/")
    }
    assert f"whether lora_B of {ROOT} started at zero is not known" in reasons(
        RULE, healthy(json_edits=pissa)
    )
