"""Shapes and names of tensors: adapters of two modules, 4 wide, made by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.evidence import rank_from_tensors as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.builders.safetensors import make_safetensors
from tests.evidence.support import adapter, run_of, said

PREFIX = "base_model.model.model.layers.0.self_attn"


def weights(ranks: dict[str, int], dora: bool = False) -> bytes:
    tensors: dict[str, tuple[str, tuple[int, ...], bytes]] = {}
    for name, rank in ranks.items():
        tensors[f"{PREFIX}.{name}.lora_A.weight"] = ("F32", (rank, 4), bytes(16 * rank))
        tensors[f"{PREFIX}.{name}.lora_B.weight"] = ("F32", (4, rank), bytes(16 * rank))
        if dora:
            tensors[f"{PREFIX}.{name}.lora_magnitude_vector"] = ("F32", (4,), bytes(16))
    return make_safetensors(tensors)


def run_with(ranks: dict[str, int], dora: bool = False, **changes: object) -> Run:
    settings = {"r": 8, "target_modules": ["q_proj", "v_proj"], "use_dora": False, **changes}
    return run_of(
        {"adapter_config.json": adapter(**settings), "adapter_model.safetensors": weights(ranks, dora)}
    )


def test_agreement_in_everything() -> None:
    assert said(run_with({"q_proj": 8, "v_proj": 8}), module) == {
        "r": (Status.VERIFIED, "the matrices of all 2 modules have rank 8"),
        "target_modules": (Status.VERIFIED, "the weights hold 2 modules, all named by target_modules"),
        "use_dora": (Status.VERIFIED, "the weights hold no magnitude vector"),
        "lora_alpha": (
            Status.UNVERIFIABLE,
            "tensors hold no trace of lora_alpha, which only scales their product",
        ),
    }


def test_another_rank_is_named_with_its_module() -> None:
    assert said(run_with({"q_proj": 8, "v_proj": 4}), module)["r"] == (
        Status.CONTRADICTED,
        "1 module of 2 have another rank: model.layers.0.self_attn.v_proj has 4 where adapter_config.json gives 8",
    )


def test_a_rank_pattern_is_followed() -> None:
    run = run_with({"q_proj": 8, "v_proj": 4}, rank_pattern={"v_proj": 4})
    assert said(run, module)["r"] == (Status.VERIFIED, "the matrices of all 2 modules have rank 4 and 8")


def test_modules_that_nobody_asked_for_and_modules_that_are_missing() -> None:
    strange = said(run_with({"q_proj": 8, "k_proj": 8}), module)["target_modules"]
    assert strange == (
        Status.CONTRADICTED,
        "the weights hold 1 module that target_modules does not name: model.layers.0.self_attn.k_proj",
    )
    idle = said(run_with({"q_proj": 8}), module)["target_modules"]
    assert idle == (
        Status.UNVERIFIABLE,
        "no module in the weights is named v_proj, which target_modules asks for",
    )


@pytest.mark.parametrize(
    ("use_dora", "vectors", "expected"),
    [
        (True, True, Status.VERIFIED),
        (True, False, Status.CONTRADICTED),
        (False, True, Status.CONTRADICTED),
    ],
)
def test_dora_has_its_vectors(use_dora: bool, vectors: bool, expected: Status) -> None:
    run = run_with({"q_proj": 8, "v_proj": 8}, dora=vectors, use_dora=use_dora)
    assert said(run, module)["use_dora"][0] is expected


@pytest.mark.parametrize("changes", [{"use_bdlora": {"nblocks": 2}}, {"target_parameters": ["experts"]}])
def test_other_shapes_under_the_same_names_are_left_alone(changes: dict[str, object]) -> None:
    assert said(run_with({"q_proj": 4}, **changes), module) == {}  # type: ignore[arg-type]


def test_an_expression_that_is_not_matched_leaves_the_modules_open() -> None:
    run = run_with({"q_proj": 8}, target_modules=r"(?=x)q_proj")
    assert said(run, module)["target_modules"][0] is Status.UNVERIFIABLE


def test_the_healthy_run_agrees() -> None:
    found = said(run_of(healthy()), module)
    assert found["r"] == (Status.VERIFIED, "the matrices of all 14 modules have rank 8")
    assert found["target_modules"][0] is Status.VERIFIED


def test_is_silent_where_the_weights_were_not_fetched() -> None:
    assert said(run_of(seed()), module) == {}


@given(st.integers(1, 64), st.integers(1, 64))
def test_only_the_recorded_rank_is_verified(recorded: int, real: int) -> None:
    outcome = said(run_with({"q_proj": real, "v_proj": real}, r=recorded), module)["r"][0]
    assert outcome is (Status.VERIFIED if recorded == real else Status.CONTRADICTED)
