import pytest

from tests.builders.generators import make_generators
from tests.builders.pickles import make_torch
from tests.builders.repositories import contents, healthy, seed
from tests.builders.torch_files import TorchFile, replaced
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "dropout-never-drawn"
FILE = "checkpoint-18/rng_state.pth"
BOTH = ("checkpoint-9/rng_state.pth", FILE)
CONFIGS = ("adapter_config.json", "checkpoint-9/adapter_config.json", "checkpoint-18/adapter_config.json")


def drawn(cpu: int = 6, *offsets: int) -> dict[str, bytes]:
    return {FILE: make_generators(cpu=(42, cpu), cuda=tuple((42, offset) for offset in offsets))}


def test_passes_masks_of_a_gpu_and_of_the_cpu() -> None:
    assert found(RULE, healthy(data=drawn(6, 27648))) == []
    # Another device's state is kept beside it in a run of several.
    assert found(RULE, healthy(data=drawn(6, 0, 27648))) == []
    # 14 modules and 18 steps: as many numbers at least where the CPU draws the masks.
    assert found(RULE, healthy(data=drawn(14 * 18, 0))) == []


def test_passes_without_dropout() -> None:
    edits = {path: {"/lora_dropout": 0.0} for path in CONFIGS}
    assert found(RULE, healthy(data=drawn(6, 0), json_edits=edits)) == []
    assert reasons(RULE, healthy(data=drawn(6, 0), json_edits=edits)) == ["no adapter declares dropout"]


def test_fails() -> None:
    assert found(RULE, healthy(data=drawn(6, 0))) == [
        finding(
            RULE,
            NOTE,
            "`lora_dropout` is 0.05, and no mask was drawn on the GPU in 18 steps",
            FILE,
            "cuda",
            expected="an offset above 0",
            observed="offset 0",
            evidence=("the CPU generator gave 6 numbers since it was seeded",),
        )
    ]


def test_fails_and_names_the_argument_that_turns_dropout_off() -> None:
    path = "checkpoint-18/training_args.bin"
    file = TorchFile(contents("tiny", "candidate")[0][path])
    data = {**drawn(6, 0), path: file.with_value(replaced(file.value, ("disable_dropout",), True))}
    (only,) = found(RULE, healthy(data=data))
    assert only.evidence[-1] == "the arguments say disable_dropout true"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (drawn(0, 0), f"{FILE} was written right after its generators were seeded"),
        (
            drawn(700_000, 0),
            f"{FILE} keeps a CPU generator far from its seed: training on the CPU is not excluded",
        ),
        ({}, "no rng_state file that was read keeps a CUDA generator"),
        (
            dict.fromkeys(BOTH, make_torch({"cpu": None})),
            "no rng_state file that was read keeps a CUDA generator",
        ),
    ],
)
def test_says_when_it_cannot_look(data: dict[str, bytes], reason: str) -> None:
    assert found(RULE, healthy(data=data)) == []
    assert reasons(RULE, healthy(data=data)) == [reason]


def test_cannot_look_at_what_was_not_fetched() -> None:
    assert found(RULE, seed()) == []
    assert reasons(RULE, seed()) == ["no rng_state file that was read keeps a CUDA generator"]
