import pytest

from tests.builders.platforms import (
    AUTOTRAIN,
    AXOLOTL,
    EVERY,
    LLAMA_FACTORY,
    MS_SWIFT,
    TORCHTUNE,
    with_config,
)
from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, at, without_recipe
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "declared-value-of-wrong-type"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@pytest.mark.parametrize("what", sorted(EVERY))
def test_passes_every_platforms_own(what: str) -> None:
    assert found(RULE, with_config(*EVERY[what])) == []


def test_fails_for_a_rank_in_quotes() -> None:
    assert found(RULE, at({"/peft/r": "16"})) == [
        finding(
            RULE,
            WARNING,
            '`r` is the string "16", expected an integer',
            CONFIG,
            "/peft/r",
            expected="an integer",
            observed='"16"',
        )
    ]


def test_fails_for_each_value_of_another_kind() -> None:
    changed = {**MS_SWIFT, "lora_rank": True, "use_dora": {}, "num_train_epochs": "three", "save_steps": 9.5}
    assert [item.message for item in found(RULE, with_config("args.json", changed))] == [
        "`lora_rank` is the boolean true, expected an integer",
        "`use_dora` is an object, expected a boolean",
        '`num_train_epochs` is the string "three", expected a number',
    ]


def test_fails_as_a_note_where_the_platform_converts() -> None:
    (only,) = found(RULE, with_config("training_params.json", {**AUTOTRAIN, "epochs": "1"}))
    assert only.severity is NOTE
    (loud,) = found(RULE, with_config("training_params.json", {**AUTOTRAIN, "epochs": "many"}))
    assert loud.severity is WARNING


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("train.yaml", LLAMA_FACTORY.replace("save_steps: 9", "save_steps: 9.0")),
        ("train.yaml", LLAMA_FACTORY.replace("dataset: sums", "dataset: [sums, more]")),
        ("train.yaml", LLAMA_FACTORY.replace("plot_loss: true", "plot_loss: 1")),
        ("config.yml", AXOLOTL.replace("learning_rate: 2e-3", "learning_rate: '2e-3'")),
        ("config.yml", AXOLOTL.replace("gradient_checkpointing: true", "gradient_checkpointing: offload")),
    ],
)
def test_passes_what_platforms_take(path: str, text: str) -> None:
    assert found(RULE, with_config(path, text)) == []


def test_passes_strings_for_null_which_have_a_rule_of_their_own() -> None:
    assert found(RULE, at({"/peft/merge_adapter": "None"})) == []


def test_fails_for_a_components_argument() -> None:
    text = TORCHTUNE.replace("lora_dropout: 0.05", "lora_dropout: little")
    (only,) = found(RULE, with_config("torchtune_config.yaml", text))
    assert only.message == '`lora_dropout` is the string "little", expected a number'
    assert only.at.member == "/model/lora_dropout"


def test_cannot_look_into_a_component_that_is_not_known() -> None:
    text = TORCHTUNE.replace("torch.optim.AdamW\n  fused: True", "my.optim.AdamW\n  fused: perhaps")
    (why,) = reasons(RULE, with_config("torchtune_config.yaml", text))
    assert why.startswith(
        "torchtune_config.yaml: `optimizer` is built from my.optim.AdamW, which is no component"
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
