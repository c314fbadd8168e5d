"""total_flos as a checksum. The numbers of the real case come from a meta-device model of the real class
(transformers 4.50.0 and 4.51.3), made independently of this arithmetic."""

import struct
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.known_bases import lookup
from auditor.evidence import tokens_from_total_flos as module
from auditor.evidence._flos import FlosLedger, tokens_in
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import seed
from tests.evidence.support import TARGETS_11, adapter, run_of, said, state, weighed

REAL_FLOS = 10_138_086_088_704_000
REAL_N = 3_666_842_480
LANGUAGE_ONLY = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


def run_with(base: BaseConfig | None = None, flos: float = REAL_FLOS, **changes: Any) -> Run:
    return run_of(
        {
            "adapter_config.json": adapter(**changes),
            "checkpoint-450/trainer_state.json": state(total_flos=flos),
        },
        base,
    )


def known(name: str, cls: str | None = None) -> BaseConfig:
    found = lookup(name, cls)
    assert found is not None
    return found


def test_the_real_case_closes_to_the_last_digit() -> None:
    ledger = weighed(run_of(seed()), module)
    assert ledger.derived("tokens") == FlosLedger(460_800, REAL_N, 42_734_080, Fraction(1024), True)
    for claim in ("base_model", "r", "target_modules", "tokens"):
        assert ledger.claims[claim].status is Status.VERIFIED
    evidence = ledger.claims["r"].evidence[0]
    assert evidence.detail == (
        "10,138,086,088,704,000 = 6 x 3,666,842,480 x 460,800 (remainder 0); 3,666,842,480 = 3,624,108,400 "
        "outside the base's embeddings (table of known models: gemma-3-4b) + 42,734,080 of LoRA on 401 modules "
        "(238 text, 162 vision, 1 head)"
    )
    assert evidence.paths == ("checkpoint-450/trainer_state.json", "adapter_config.json")


def test_another_recorded_rank_is_contradicted_by_the_one_that_closes() -> None:
    found = said(run_with(r=8), module)
    assert found["r"] == (
        Status.CONTRADICTED,
        "total_flos closes with r = 16 to the last digit, and not with the recorded 8",
    )
    assert found["target_modules"][0] is Status.VERIFIED
    assert found["tokens"][0] is Status.VERIFIED


def test_a_removed_output_head_is_contradicted_by_the_reading_that_closes() -> None:
    found = said(run_with(target_modules=[t for t in TARGETS_11 if t != "lm_head"]), module)
    assert found["target_modules"] == (
        Status.CONTRADICTED,
        "total_flos closes with the output head to the last digit, and not as recorded",
    )
    assert found["r"][0] is Status.VERIFIED


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        ("gemma-3-4b", {"target_modules": LANGUAGE_ONLY}),
        ("gemma-3-1b", {"auto_mapping": None}),
        ("gemma-3-12b", {}),
        ("llama-3.1-8b", {"auto_mapping": None}),
    ],
)
def test_other_modules_and_other_bases_do_not_close(base: str, changes: dict[str, Any]) -> None:
    found = said(run_with(known(base), **changes), module)
    assert list(found) == ["base_model"]
    assert found["base_model"][0] is Status.UNVERIFIABLE
    assert found["base_model"][1].startswith("total_flos does not close with the ")


def test_a_regular_expression_is_matched_under_every_release_of_module_names() -> None:
    # Text only: N = 3,624,108,400 + 29,802,496 (LoRA r=16 on the 238 text modules, meta-device count).
    n = 3_624_108_400 + 29_802_496
    old = run_with(flos=6 * n * 900_000, target_modules=LANGUAGE_ONLY)
    new = run_with(flos=6 * n * 900_000, target_modules=r"model\.language_model\.layers\.\d+\..*_proj")
    for run in (old, new):
        ledger = weighed(run, module)
        assert ledger.derived("tokens") == FlosLedger(900_000, n, 29_802_496, Fraction(2000), True)


def test_dora_adds_one_magnitude_for_every_output() -> None:
    # q_proj of Llama 3.2 1B: 16 layers of 2048 x 2048, so r = 4 adds 16 * 4 * 4096, DoRA 16 * 2048 more; the
    # publisher states 1,235,814,400 parameters with tied embeddings of 128,256 x 2048.
    n = 1_235_814_400 - 128_256 * 2048 + 16 * 4 * 4096 + 16 * 2048
    run = run_with(
        known("llama-3.2-1b"), 6 * n * 4500, r=4, target_modules=["q_proj"], use_dora=True, auto_mapping=None
    )
    assert weighed(run, module).derived("tokens") == FlosLedger(4500, n, 294_912, Fraction(10), True)


def test_fewer_tokens_than_steps_are_no_closing() -> None:
    found = said(run_with(flos=6 * REAL_N * 449), module)
    assert found["base_model"][0] is Status.UNVERIFIABLE


def test_another_reading_contradicts_nothing_on_a_small_model() -> None:
    # N below ten million: 64 wide, so that with r = 16 (not the recorded 8) total_flos closes.
    tiny = BaseConfig.of(
        "config.json",
        {
            "model_type": "llama",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "vocab_size": 512,
            "tie_word_embeddings": True,
        },
    )
    # 2 layers of 4 x 64 x 64 + 3 x 64 x 128 + 2 x 64, a final norm of 64, LoRA 2 x 16 x 128 on q_proj.
    n = 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64) + 64 + 2 * 16 * 128
    run = run_with(tiny, 6 * n * 9001, r=8, target_modules=["q_proj"], auto_mapping=None)
    found = said(run, module)
    assert list(found) == ["base_model"]
    assert found["base_model"][0] is Status.UNVERIFIABLE
    right = run_with(tiny, 6 * n * 9001, r=16, target_modules=["q_proj"], auto_mapping=None)
    assert said(right, module)["r"][0] is Status.VERIFIED


def test_a_sum_that_is_no_multiple_of_six_was_not_made_by_a_trainer() -> None:
    # 10,138,086,088,704,000 / 6 = 1,689,681,014,784,000 is a multiple of 6 again; two more is none.
    run = run_with(flos=1_689_681_014_784_002)
    evidence = {item.claim: item for item in module.weigh(run, weighed(run))}
    assert evidence["total_flos"].outcome is Status.CONTRADICTED
    assert evidence["total_flos"].detail == "1,689,681,014,784,002 = 6 x 281,613,502,464,000 + 2"
    assert evidence["base_model"].outcome is Status.UNVERIFIABLE
    assert set(evidence) == {"total_flos", "base_model"}


def test_tokens_added_to_an_untied_head_are_told() -> None:
    # Llama 3.1 8B (8,030,261,248 parameters by the publisher, head and embedding of 128,256 x 4096), LoRA r = 8
    # on all seven projections (20,971,520 elements); two tokens more are two rows of 4096 in the head.
    n = 8_030_261_248 - 128_256 * 4096 + 20_971_520 + 2 * 4096
    projections = [f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")]
    run = run_with(known("llama-3.1-8b"), 6 * n * 250_007, r=8, target_modules=projections, auto_mapping=None)
    found = said(run, module)
    assert found["base_model"] == (
        Status.VERIFIED,
        (
            "total_flos closes to the last digit with this model's shape, with 2 rows added to the output head "
            "(its weights are not looked at)"
        ),
    )
    assert {outcome for outcome, _ in found.values()} == {Status.VERIFIED}


# RoBERTa base: 124,645,632 parameters of RobertaModel by its publisher, of which 50,265 + 514 + 1 rows are embeddings
# and one matrix with bias is the pooler, which a classifier does not have. The head is a matrix of 768 x 768 and one
# row a label, each with a bias; PEFT keeps it twice (modules_to_save). LoRA r = 4 on query and value of twelve layers.
_ROW, _SQUARE = 768 + 1, 768 * 768 + 768
_ROBERTA = 124_645_632 - (50_265 + 514 + 1) * 768 - _SQUARE + 12 * 2 * 4 * (768 + 768)


@pytest.mark.parametrize("labels", [2, 4])
def test_a_classifier_counts_twice_and_its_labels_are_found(labels: int) -> None:
    n = _ROBERTA + 2 * (_SQUARE + labels * _ROW)
    changes = {"r": 4, "target_modules": ["query", "value"], "auto_mapping": None, "task_type": "SEQ_CLS"}
    heads = {"modules_to_save": ["classifier", "score"], "base_model_name_or_path": "roberta-base"}
    found = said(run_with(None, 6 * n * 300_007, **changes, **heads), module)
    words = "" if labels == 2 else ", with 4 labels"  # two is what a configuration without id2label means
    says = (
        f"total_flos closes to the last digit with this model's shape{words} (its weights are not looked at)"
    )
    assert found["base_model"] == (Status.VERIFIED, says)
    assert {outcome for outcome, _ in found.values()} == {Status.VERIFIED}


def test_lora_on_an_embedding_counts_its_rows() -> None:
    # Llama 3.2 1B: r = 8 on 128,256 rows of 2048; the frozen embedding itself does not count.
    n = 1_235_814_400 - 128_256 * 2048 + 8 * (128_256 + 2048)
    run = run_with(
        known("llama-3.2-1b"), 6 * n * 4501, r=8, target_modules=["embed_tokens"], auto_mapping=None
    )
    assert weighed(run, module).derived("tokens") == FlosLedger(
        4501, n, 8 * 130_304, Fraction(4501, 450), True
    )


def test_a_saved_copy_of_an_untied_head_counts_beside_the_original() -> None:
    # Llama 3.1 8B: head of 128,256 x 4096 frozen and copied, r = 8 on q_proj of 32 layers (4096 x 4096).
    n = 8_030_261_248 - 128_256 * 4096 + 128_256 * 4096 + 32 * 8 * 8192
    changes = {"r": 8, "target_modules": ["q_proj"], "modules_to_save": ["lm_head", "embed_tokens"]}
    run = run_with(known("llama-3.1-8b"), 6 * n * 4501, auto_mapping=None, **changes)
    assert weighed(run, module).derived("tokens") is not None


def test_sound_is_no_text() -> None:
    # Whisper medium: 763,857,920 parameters by its publisher, less embeddings of 51,865 + 448 + 1500 rows of 1024;
    # r = 32 on q_proj and v_proj of 24 + 2 x 24 attentions. Each clip is 80 x 3000 numbers.
    n = 763_857_920 - (51_865 + 448 + 1500) * 1024 + 72 * 2 * 32 * 2048
    changes = {"r": 32, "target_modules": ["q_proj", "v_proj"], "task_type": None}
    auto = {"base_model_class": "WhisperForConditionalGeneration", "parent_library": "transformers.x"}
    found = said(
        run_with(known("whisper-medium"), 6 * n * 240_000 * 300, auto_mapping=auto, **changes), module
    )
    assert found["base_model"][0] is Status.VERIFIED
    assert "tokens" not in found


def rounded(number: int) -> int:
    """As a sum over processes leaves it: through float32."""
    (value,) = struct.unpack("f", struct.pack("f", float(number)))
    return int(value)


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_sum_over_processes_is_too_coarse_to_accuse(ranks: int) -> None:
    total = rounded(6 * REAL_N * 33_333)
    assert total % 6 != 0  # would look edited
    files = {
        "adapter_config.json": adapter(r=8),
        "checkpoint-450/trainer_state.json": state(total_flos=total),
        **{f"checkpoint-450/rng_state_{rank}.pth": b"" for rank in range(ranks)},
    }
    says = "total_flos was summed over processes in single precision, which leaves too few digits to test the base with"
    assert said(run_of(files), module) == {"base_model": (Status.UNVERIFIABLE, says)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peft_type": "IA3"}, "the adapter's peft_type is IA3, and only LORA is counted here"),
        (
            {"modules_to_save": ["lm_head", "norm"]},
            "the adapter trains a whole copy of norm (modules_to_save), which is not counted here",
        ),
        (
            {"target_modules": ["q_proj", "patch_embedding"]},
            "the adapter wraps a convolution, which is not counted here",
        ),
        (
            {"target_modules": ["q_proj", "embed_tokens"], "use_dora": True},
            "the adapter applies DoRA to an embedding, which is not counted here",
        ),
        (
            {"target_modules": "all-linear"},
            "target_modules is the word all-linear, which PEFT resolves only with the model at hand",
        ),
        ({"target_modules": ["nothing"]}, "target_modules names no linear module of the base"),
        ({"r": "16"}, "adapter_config.json holds no usable rank"),
        (
            {"rank_pattern": {f"layers.{number}.x": 4 for number in range(2000)}},
            "rank_pattern has too many entries to follow",
        ),
    ],
)
def test_says_when_the_parameters_cannot_be_counted(changes: dict[str, Any], reason: str) -> None:
    found = said(run_with(**changes), module)
    assert found == {"base_model": (Status.UNVERIFIABLE, f"total_flos cannot be tested: {reason}")}


def test_says_when_the_base_is_not_known() -> None:
    found = said(run_with(base_model_name_or_path="someone/else", auto_mapping=None), module)
    says = "total_flos would test the base, but its configuration is not known (give --base DIR)"
    assert found == {"base_model": (Status.UNVERIFIABLE, says)}


@pytest.mark.parametrize("flos", [0, 0.5])
def test_is_silent_without_a_count(flos: float) -> None:
    assert said(run_with(flos=flos), module) == {}


def test_the_limit_of_exactness_follows_the_lowest_bit() -> None:
    # 6 x 3 = 18 = 2 x 9: whole sums are exact below 2**54, and there one unit off is caught.
    below = 18 * (2**53 // 18)
    assert tokens_in(below, 3) == (below // 18, True)
    assert tokens_in(below + 2, 3) is None
    assert tokens_in(18 * (2**54 // 18), 3) == (2**54 // 18, True)
    assert tokens_in(18 * 10**16, 3) is None  # above 2**54: too many tokens to tell
    big = 6 * (2**40 + 1)
    assert tokens_in(big * 10**6 + 2**10, 2**40 + 1) == (10**6, False)
    assert tokens_in(big * 10**6 + big // 2, 2**40 + 1) is None


@given(
    st.integers(10_000, 10**11),
    st.lists(st.integers(1, 8192), min_size=1, max_size=200),
)
def test_a_trainers_float_sum_always_closes(parameters: int, batches: list[int]) -> None:
    total = 0.0
    for tokens in batches:
        total += float(6 * tokens * parameters)
    answer = tokens_in(int(total), parameters)
    assert answer is not None
    assert answer[0] == sum(batches)


@given(st.integers(10_000, 10**9), st.integers(1, 5000), st.integers(1, 5000))
def test_a_slightly_larger_model_never_closes(parameters: int, tokens: int, more: int) -> None:
    # T N is no multiple of N + d when T d < N + d: the remainder is then T d, taken from above.
    if 0 < tokens * more < parameters + more:
        assert tokens_in(6 * parameters * tokens, parameters + more) is None
