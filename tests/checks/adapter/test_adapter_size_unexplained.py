import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "adapter-size-unexplained"
ADAPTER = "adapter_model.safetensors"
LORA = 42_734_080
"""29,802,496 (238 text modules) + 8,695,296 (162 vision modules) + 4,236,288 (lm_head) at rank 16 on Gemma 3 4B."""
HEAD = 262_208 * 2_560


def pointer(size: int) -> dict[str, str]:
    return {ADAPTER: f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {size}\n"}


def test_passes_the_real_case_whose_size_is_a_stand_in() -> None:
    assert found(RULE, seed()) == []


@pytest.mark.parametrize("size", [4 * LORA + 4 * HEAD, 2 * LORA, 2 * LORA + 2 * HEAD])
def test_passes_other_number_formats(size: int) -> None:
    assert found(RULE, seed(text=pointer(size + 90_000))) == []


@pytest.mark.parametrize("size", [4 * LORA + HEAD, 4 * LORA - 1, 4 * LORA + 2 * HEAD + 400_000])
def test_fails(size: int) -> None:
    sizes = sorted({w * LORA + c * HEAD for w in (2, 4) for c in (0, 2, 4)})
    assert found(RULE, seed(text=pointer(size))) == [
        finding(
            RULE,
            NOTE,
            f"the file has {size:,} bytes; 42,734,080 LoRA parameters in 401 modules make another size",
            ADAPTER,
            expected=" or ".join(f"{item:,}" for item in sizes) + " bytes and a header below 321,600",
            observed=f"{size:,} bytes",
        )
    ]


@pytest.mark.parametrize(("spare", "findings"), [(9_000, 0), (-1, 1), (90_000, 1)])
def test_passes_and_fails_for_another_family(spare: int, findings: int) -> None:
    # GPT-2: c_attn of twelve layers, 768 -> 2304; r = 8: 12 x 8 x 3072 = 294,912 elements, here in 32 bits. The header
    # of its 24 tensors has at most 400 x 26 bytes.
    edits: dict[str, object] = {"/base_model_name_or_path": "gpt2", "/auto_mapping": None, "/r": 8}
    edits |= {"/target_modules": ["c_attn"], "/task_type": "CAUSAL_LM"}
    snapshot = seed(text=pointer(4 * 294_912 + spare), json_edits={"adapter_config.json": edits})
    assert len(found(RULE, snapshot)) == findings


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the file was read, so its header says what is inside"]
    edits = {"adapter_config.json": {"/base_model_name_or_path": "somebody/own-model"}}
    assert reasons(RULE, seed(json_edits=edits)) == [
        "the parameters of the adapter cannot be counted from its configuration and a known base"
    ]
    dora = {"adapter_config.json": {"/use_dora": True}}
    assert reasons(RULE, seed(json_edits=dora)) == [
        "the parameters of the adapter cannot be counted from its configuration and a known base"
    ]
