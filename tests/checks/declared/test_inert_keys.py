import pytest

from tests.builders.platforms import AUTOTRAIN_YAML, AXOLOTL, LLAMA_FACTORY, TRL, with_config
from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, at, declared, without_recipe
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "inert-keys"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            '6 declared keys have no effect under trainer "sft": prompt_text_column, rejected_text_column, '
            "max_prompt_length, max_completion_length, model_ref and dpo_beta",
            CONFIG,
            observed='prompt_text_column = ""; rejected_text_column = "text"; max_prompt_length = null; '
            'max_completion_length = null; model_ref = ""; dpo_beta = 0.1',
        )
    ]


def test_passes_keys_that_hold_nothing() -> None:
    assert found(RULE, declared(model_ref=None, max_prompt_length=None)) == []


def test_passes_under_the_trainer_they_belong_to() -> None:
    edits: dict[str, object] = {"/trainer": "dpo", "/train_model_parameters/dpo_beta": 0.1}
    assert found(RULE, at(edits)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]


def edited(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_fails_for_keys_of_lora_where_the_whole_model_is_tuned() -> None:
    text = edited(LLAMA_FACTORY, ("finetuning_type: lora", "finetuning_type: full"))
    assert found(RULE, with_config("train.yaml", text)) == [
        finding(
            RULE,
            NOTE,
            "4 declared keys have no effect in LLaMA-Factory with finetuning_type full: lora_rank, lora_alpha, "
            "lora_dropout and lora_target",
            "train.yaml",
            observed='lora_rank = 8; lora_alpha = 16; lora_dropout = 0.05; lora_target = "q_proj, v_proj"',
        )
    ]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (
            "train.yaml",
            edited(LLAMA_FACTORY, ("stage: sft", "stage: sft\npref_beta: 0.1\nppo_epochs: 4")),
            "2 declared keys have no effect in LLaMA-Factory in stage sft: pref_beta and ppo_epochs",
        ),
        (
            "config.yml",
            edited(AXOLOTL, ("adapter: qlora", "adapter:"), ("lora_dropout: 0.05", "lora_dropout: 0")),
            "3 declared keys have no effect in axolotl without adapter: lora_r, lora_alpha and lora_target_linear",
        ),
        (
            "config.yaml",
            edited(AUTOTRAIN_YAML, ("peft: true", "peft: false")),
            "3 declared keys have no effect in AutoTrain without peft: lora_r, lora_alpha and quantization",
        ),
        (
            "config.yaml",
            edited(AUTOTRAIN_YAML, ("peft: true", "peft: true\n  dpo_beta: 0.1")),
            "1 declared key has no effect in AutoTrain with trainer sft: dpo_beta",
        ),
        (
            "sft.yaml",
            edited(TRL, ("use_peft: true", "use_peft: false")),
            "3 declared keys have no effect in TRL SFT with use_peft false: lora_r, lora_alpha and lora_target_modules",
        ),
    ],
)
def test_fails_on_every_platform_whose_source_shows_it(path: str, text: str, message: str) -> None:
    (only,) = found(RULE, with_config(path, text))
    assert (only.severity, only.message) == (NOTE, message)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        # The kind of fine-tuning is lora where nobody says otherwise (hparams/finetuning_args.py).
        ("train.yaml", edited(LLAMA_FACTORY, ("finetuning_type: lora\n", ""))),
        # KTransformers takes the rank for its own layers, and DPO reads its own keys.
        (
            "train.yaml",
            edited(LLAMA_FACTORY, ("finetuning_type: lora", "finetuning_type: full\nuse_kt: true")),
        ),
        (
            "train.yaml",
            edited(LLAMA_FACTORY, ("stage: sft", "stage: dpo\npref_beta: 0.1\npref_loss: sigmoid")),
        ),
        # A reference model serves supervised training too (use_asft_loss).
        (
            "train.yaml",
            edited(LLAMA_FACTORY, ("stage: sft", "stage: sft\nref_model: a/b\nuse_asft_loss: true")),
        ),
        # Keys left empty ask for nothing, and an adapter that is loaded is one.
        (
            "config.yml",
            edited(
                AXOLOTL,
                ("adapter: qlora", "adapter:"),
                ("lora_r: 8\nlora_alpha: 16\nlora_dropout: 0.05", "lora_r:\nlora_alpha:\nlora_dropout: 0.0"),
                ("lora_target_linear: true", "lora_target_linear: false"),
            ),
        ),
        (
            "config.yml",
            edited(AXOLOTL, ("adapter: qlora", "adapter:"), ("lora_model_dir:", "lora_model_dir: ./old")),
        ),
        # A script of somebody's own may read them without use_peft.
        ("sft.yaml", edited(TRL, ("use_peft: true\n", ""))),
        # What a platform wrote holds every key there is.
        ("training_args.yaml", edited(LLAMA_FACTORY, ("stage: sft", "stage: sft\npref_beta: 0.1"))),
    ],
)
def test_passes_keys_that_are_read_or_ask_for_nothing(path: str, text: str) -> None:
    assert found(RULE, with_config(path, text)) == []
