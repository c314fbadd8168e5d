from tests.builders.platforms import AXOLOTL, LLAMA_FACTORY, TORCHTUNE, TRL, text_of, with_config
from tests.builders.repositories import healthy
from tests.checks.declared.config import CONFIG, NO_RECIPE, without_recipe
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "config-not-of-this-run"
PATH = "train.yaml"


def edited(*pairs: tuple[str, str]) -> str:
    text = LLAMA_FACTORY
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_passes() -> None:
    assert found(RULE, with_config(PATH, LLAMA_FACTORY)) == []


def test_fails_once_for_all_differences() -> None:
    # The tiny run: rank 8, learning rate 0.002 (adapter_config.json, training_args.bin).
    text = edited(("lora_rank: 8", "lora_rank: 32"), ("learning_rate: 2e-3", "learning_rate: 1.0e-4"))
    assert found(RULE, with_config(PATH, text)) == [
        finding(
            RULE,
            WARNING,
            "the run was not made by this configuration: 2 settings differ (learning_rate and r)",
            PATH,
            expected="the configuration that was trained with",
            observed="learning_rate is declared as 0.0001, and the event file says 0.002",
            evidence=(
                "learning_rate is declared as 0.0001, and the event file says 0.002",
                "lora_rank is declared as 32, and adapter_config.json says 8",
            ),
        )
    ]


def test_fails_at_the_only_setting_that_differs() -> None:
    (only,) = found(RULE, with_config(PATH, edited(("lora_dropout: 0.05", "lora_dropout: 0.1"))))
    assert only.at.member == "/lora_dropout"


def test_fails_as_a_note_where_no_weight_would_change() -> None:
    (only,) = found(RULE, with_config(PATH, edited(("logging_steps: 1", "logging_steps: 10"))))
    assert only.severity is NOTE


def test_fails_for_a_limit_of_samples_below_what_ran() -> None:
    # 18 steps of 1 row x 2 (training_args.bin), the last of which may be short: 34 rows or more.
    (only,) = found(RULE, with_config(PATH, edited(("max_samples: 1000", "max_samples: 20"))))
    assert only.observed == "max_samples 20 allows 20 rows an epoch, and the run drew 34 or more"


def test_fails_for_another_rank_where_the_platform_names_no_base() -> None:
    # torchtune says where the base lay: /tmp/tiny-gemma3 is called after tiny-labs/tiny-gemma3.
    text = TORCHTUNE.replace("lora_rank: 8", "lora_rank: 32").replace(
        "get_cosine_schedule_with_warmup", "mine"
    )
    text = text.replace("num_warmup_steps: 100", "warm: 100")
    assert found(RULE, with_config("recipe.yaml", text)) == [
        finding(
            RULE,
            WARNING,
            "the run was not made by this configuration: 1 setting differs (r)",
            "recipe.yaml",
            "/model/lora_rank",
            expected="the configuration that was trained with",
            observed="lora_rank is declared as 32, and adapter_config.json says 8",
        )
    ]
    # For a base in a folder that says nothing it may be any run's.
    why = "recipe.yaml is not known to have made any adapter or checkpoint here"
    assert reasons(RULE, with_config("recipe.yaml", text.replace("/tmp/tiny-gemma3", "/data/model"))) == [why]


def test_passes_where_another_config_fits() -> None:
    other = edited(("lora_rank: 8", "lora_rank: 32"))
    assert found(RULE, healthy(without=[CONFIG], text={"a.yaml": other, "b.yaml": LLAMA_FACTORY})) == []


def test_passes_two_configs_of_other_runs() -> None:
    wide, steep = (
        edited(("lora_rank: 8", "lora_rank: 32")),
        edited(("learning_rate: 2e-3", "learning_rate: 1e-4")),
    )
    outcome = reasons(RULE, healthy(without=[CONFIG], text={"a.yaml": wide, "b.yaml": steep}))
    assert outcome == ["a.yaml is not known to have made any adapter or checkpoint here"]


def test_passes_a_config_for_another_base() -> None:
    text = TRL.replace("tiny-labs/tiny-gemma3", "other/model-7b").replace("lora_r: 8", "lora_r: 64")
    why = "sft.yaml is not known to have made any adapter or checkpoint here"
    assert reasons(RULE, with_config("sft.yaml", text)) == [why]


def test_fails_for_a_config_inside_the_card() -> None:
    config = text_of(AXOLOTL).replace("lora_r: 8", "lora_r: 64").replace("cosine", "linear")
    config = config.replace("warmup_steps: 10", "warmup_ratio: 0.1").replace(
        "./tiny/output", "fine-tuning/output"
    )
    card = f"# tiny\n\n<details><summary>See axolotl config</summary>\n\n```yaml\n{config}\n```\n</details>\n"
    (only,) = found(RULE, with_config("README.md", card))
    assert only.at.path == "README.md"
    assert only.observed == "lora_r is declared as 64, and adapter_config.json says 8"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
    assert reasons(RULE, healthy()) == [
        f"{CONFIG} was written by cheetah itself; its values are judged one by one"
    ]
