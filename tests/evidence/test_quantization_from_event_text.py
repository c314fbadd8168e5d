"""quantization_config in the model configuration of an event file."""

import pytest

from auditor.evidence import quantization_from_event_text as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.evidence.support import EVENTS, adapter, event_file, recipe, run_of, said

NF4 = {"load_in_4bit": True, "load_in_8bit": False, "bnb_4bit_quant_type": "nf4"}


def run_with(declared: object, config: dict[str, object] | None) -> Run:
    files: dict[str, object] = {
        "adapter_config.json": adapter(),
        "cheetah-fine-tuning-config.json": recipe(peft={"quantization": declared}),
    }
    if config is not None:
        files[EVENTS] = event_file(config={"model_type": "gemma3", **config})
    return run_of(files)


@pytest.mark.parametrize(
    ("declared", "config", "expected"),
    [
        (
            "int4",
            {"quantization_config": NF4},
            (Status.VERIFIED, "the model configuration in the event file says 4 bits (nf4)"),
        ),
        (
            "int8",
            {"quantization_config": {"load_in_8bit": True}},
            (Status.VERIFIED, "the model configuration in the event file says 8 bits"),
        ),
        (
            "int4",
            {"quantization_config": {"bits": 4, "quant_method": "gptq"}},
            (Status.VERIFIED, "the model configuration in the event file says 4 bits"),
        ),
        (
            "int4",
            {},
            (
                Status.CONTRADICTED,
                "quantization is declared as int4, and the event file's model configuration says no quantization",
            ),
        ),
        (
            "int4",
            {"quantization_config": {"load_in_8bit": True}},
            (
                Status.CONTRADICTED,
                "quantization is declared as int4, and the event file's model configuration says 8 bits",
            ),
        ),
        (
            None,
            {"quantization_config": NF4},
            (
                Status.CONTRADICTED,
                "quantization is declared as None, and the event file's model configuration says 4 bits (nf4)",
            ),
        ),
        (
            "int4",
            {"quantization_config": {"quant_method": "new"}},
            (Status.UNVERIFIABLE, "the event file's quantization_config is of a kind not known here"),
        ),
        (
            "int4",
            None,
            (
                Status.UNVERIFIABLE,
                "no event file is in the run; only the model configuration in an event file would show int4",
            ),
        ),
    ],
)
def test_what_the_event_file_says(
    declared: object, config: dict[str, object] | None, expected: tuple[Status, str]
) -> None:
    assert said(run_with(declared, config), module) == {"quantization": expected}


def test_the_healthy_run_was_quantized_to_nf4() -> None:
    assert said(run_of(healthy()), module)["quantization"] == (
        Status.VERIFIED,
        "the model configuration in the event file says 4 bits (nf4)",
    )


def test_cannot_look_at_an_event_file_that_was_not_fetched() -> None:
    assert said(run_of(seed()), module)["quantization"] == (
        Status.UNVERIFIABLE,
        (
            "the event file was not read (unfetched); only the model configuration in an event file would "
            "show int4"
        ),
    )


@pytest.mark.parametrize(("declared", "config"), [(None, None), ("hqq", {}), ("no", None)])
def test_is_silent_without_a_declared_quantization(
    declared: object, config: dict[str, object] | None
) -> None:
    assert said(run_with(declared, config), module) == {}
