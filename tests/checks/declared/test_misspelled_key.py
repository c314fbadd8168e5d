import pytest

from tests.builders.platforms import AXOLOTL, LLAMA_FACTORY, MS_SWIFT, TORCHTUNE, with_config
from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, declared, recipe_only, without_recipe
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "misspelled-key"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails_for_a_slip() -> None:
    assert found(RULE, declared(warmup_ration=0.2)) == [
        finding(
            RULE,
            WARNING,
            "1 key is unknown to cheetah and like one that it knows: "
            "train_model_parameters.warmup_ration (is warmup_ratio meant?)",
            CONFIG,
            "/train_model_parameters/warmup_ration",
            expected="warmup_ratio",
            observed="train_model_parameters.warmup_ration 0.2",
        )
    ]


def test_fails_for_another_platforms_name_of_the_same_thing() -> None:
    text = LLAMA_FACTORY.replace("cutoff_len: 64", "sequence_len: 64").replace("save_steps", "save_step")
    (only,) = found(RULE, with_config("train.yaml", text))
    assert only.message == (
        "2 keys are unknown to LLaMA-Factory and like one that it knows: "
        "sequence_len (is cutoff_len meant?) and save_step (is save_steps meant?)"
    )
    assert only.at.member is None


@pytest.mark.parametrize(
    "added",
    [
        {"lora_ranks": 8, "adam_beta3": 0.9},  # lora_rank stands there as well; only the digit differs
        {"plugin_settings": {"lora_rnak": 3}},  # somebody else's object
        {"galore_target_module": None},  # asks for nothing
    ],
)
def test_passes_keys_of_newer_releases_and_plugins(added: dict[str, object]) -> None:
    assert found(RULE, with_config("args.json", {**MS_SWIFT, **added})) == []


def test_passes_a_key_that_the_trainers_arguments_show() -> None:
    # training_args.bin of the honest run says log_level "passive"; log_levels would be a slip.
    assert found(RULE, declared(log_level="passive")) == []


def test_passes_axolotls_free_objects() -> None:
    text = (
        AXOLOTL
        + "plugins:\n  - axolotl.integrations.liger.LigerPlugin\nliger_rope: true\nfsdp_config:\n  fsdp_ofload: 1\n"
    )
    assert found(RULE, with_config("config.yml", text)) == []


def test_fails_for_a_slip_among_a_components_arguments() -> None:
    text = TORCHTUNE.replace("lora_dropout: 0.05", "lora_droput: 0.05")
    (only,) = found(RULE, with_config("torchtune_config.yaml", text))
    assert only.message == (
        "1 key is unknown to torchtune and like one that it knows: model.lora_droput (is lora_dropout meant?)"
    )
    assert (only.at.path, only.at.member) == ("torchtune_config.yaml", "/model/lora_droput")


def test_cannot_look_into_a_component_that_is_not_known() -> None:
    text = TORCHTUNE.replace("torch.optim.AdamW\n  fused", "my.optim.AdamW\n  fussed")
    (why,) = reasons(RULE, with_config("torchtune_config.yaml", text))
    assert why == (
        "torchtune_config.yaml: `optimizer` is built from my.optim.AdamW, which is no component known here (torchtune "
        "0.1.1 to 0.6.1, torch and bitsandbytes): its keys and types are not checked"
    )


def test_cannot_judge_a_file_of_many_strangers() -> None:
    text = LLAMA_FACTORY.replace("lora_rank: 8", "lora_rnak: 8") + "".join(
        f"x{i * 'y'}: 1\n" for i in range(9)
    )
    (why,) = reasons(RULE, with_config("training_args.yaml", text))
    assert why == (
        "training_args.yaml: 10 of 33 keys are unknown to LLaMA-Factory, so that the file may be another "
        "program's or a newer release's: its keys and types are not checked"
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
    assert found(RULE, recipe_only(warmup_ration=None)) == []
