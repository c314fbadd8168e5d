import json

import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.drawn import BLOCK, adapter_file, factors
from tests.builders.platforms import EVERY, with_config
from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import arguments

RULE = "declared-value-contradicted"
CONFIG = "cheetah-fine-tuning-config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_passes_the_real_case_whose_contradictions_have_rules_of_their_own() -> None:
    assert found(RULE, seed()) == []


def test_fails_for_another_rank_once_with_every_test_against_it() -> None:
    # total_flos = 6 x 3,666,842,480 x 460,800 holds for r = 16 only (meta-device model of the real class).
    edits = {key: {"/r": 8} for key in ("adapter_config.json", "checkpoint-450/adapter_config.json")}
    assert found(RULE, seed(json_edits=edits)) == [
        finding(
            RULE,
            ERROR,
            "`r` is contradicted: total_flos closes with r = 16 to the last digit, and not with the recorded 8",
            "adapter_config.json",
            "/r",
            expected="8",
            evidence=(
                (
                    "tokens-from-total-flos: 10,138,086,088,704,000 = 6 x 3,666,842,480 x 460,800 (remainder 0); "
                    "3,666,842,480 = 3,624,108,400 outside the base's embeddings (table of known models: gemma-3-4b) "
                    "+ 42,734,080 of LoRA on 401 modules (238 text, 162 vision, 1 head)"
                ),
                "declared-against-adapter-config: r is declared as 16, and adapter_config.json says 8",
            ),
        )
    ]


def test_fails_mildly_for_a_seed_that_only_the_initial_values_speak_against() -> None:
    config = {"trainer": "sft", "train_model_parameters": {"seed": 42}}
    targets = [name.rpartition(".")[2] for name, _, _ in BLOCK]
    files = {
        CONFIG: json.dumps(config).encode(),
        "adapter_config.json": json.dumps({"peft_type": "LORA", "r": 4, "target_modules": targets}).encode(),
        "adapter_model.safetensors": adapter_file(factors(1234)),
    }
    assert found(RULE, memory_snapshot("test", files)) == [
        finding(
            RULE,
            WARNING,
            "`seed` is contradicted: seed 42 does not reach the adapter: "
            "seed 1234 proved on 14 of 14 untrained modules",
            CONFIG,
            "/train_model_parameters/seed",
            expected="42",
            observed="1234",
            evidence=("seed-from-lora-init: by chance less often than once in 10^300",),
        )
    ]


@pytest.mark.parametrize(
    ("key", "value", "observed"),
    [
        ("learning_rate", 1e-3, "0.002"),
        ("seed", 7, "42"),
        ("num_train_epochs", 3, "1"),
        ("weight_decay", 0.1, "0.0"),
        ("lr_scheduler_type", "cosine", "linear"),
    ],
)
def test_fails_for_a_declared_value_that_the_trainer_did_not_receive(
    key: str, value: object, observed: str
) -> None:
    snapshot = healthy(json_edits={CONFIG: {f"/train_model_parameters/{key}": value}})
    (found_one,) = [item for item in found(RULE, snapshot) if item.message.startswith(f"`{key}`")]
    assert found_one.severity is ERROR
    assert (found_one.at.path, found_one.at.member) == (CONFIG, f"/train_model_parameters/{key}")
    assert (found_one.expected, found_one.observed) == (str(value), observed)


def test_fails_mildly_for_a_card_that_describes_another_training() -> None:
    card = "# Card\n\nThe following hyperparameters were used during training:\n- learning_rate: 0.5\n- seed: 42\n"
    assert found(RULE, healthy(text={"README.md": card})) == [
        finding(
            RULE,
            WARNING,
            "`learning_rate` is contradicted: the model card says learning_rate 0.5, and training_args.bin says "
            "0.002",
            "README.md",
            "learning_rate",
            expected="0.5",
            observed="0.002",
            evidence=("tested by card-against-training",),
        )
    ]


@pytest.mark.parametrize(
    ("value", "owner"),
    [
        (16, "lora-rank-mismatch"),
        (-1, "adapter-config-unusable"),
        ([8], "adapter-config-unusable"),
        (None, "adapter-config-value-of-wrong-type"),
    ],
)
def test_passes_where_the_weights_have_the_declared_rank_and_the_adapters_config_alone_is_wrong(
    value: object, owner: str
) -> None:
    paths = [f"{folder}adapter_config.json" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    wrong = healthy(json_edits={path: {"/r": value} for path in paths})
    assert found(RULE, wrong) == []
    assert found(owner, wrong)


def test_fails_where_config_and_weights_have_another_rank_than_declared() -> None:
    (only,) = found(RULE, healthy(json_edits={CONFIG: {"/peft/r": 16}}))
    assert only.message == "`r` is contradicted: r is declared as 16, and adapter_config.json says 8"


def test_passes_another_warm_up_of_a_configuration_handed_in_which_has_a_rule_of_its_own() -> None:
    unsloth = with_config(*EVERY["unsloth"])
    assert found(RULE, unsloth) == []
    (only,) = found("config-not-of-this-run", unsloth)
    assert "warmup_steps" in only.message


def test_says_when_it_cannot_look() -> None:
    snapshot = memory_snapshot("bare", {"adapter_config.json": b'{"peft_type": "NO_METHOD"}'})
    assert reasons(RULE, snapshot) == ["no file tests any claim of this run"]
    assert reasons(RULE, memory_snapshot("empty", {})) == [
        "no adapter, checkpoint or trainer state was found"
    ]


def test_fails_mildly_for_a_run_resumed_with_another_learning_rate() -> None:
    """3 of 289 public checkpoints: scheduler.pt was loaded with its old peak, whatever the new arguments say."""
    data = {
        f"{folder}training_args.bin": arguments(learning_rate=5e-05)
        for folder in ("", "checkpoint-9/", "checkpoint-18/")
    }
    gone = [CONFIG, "README.md", "trainer_state.json", "runs/"]
    gone += [f"checkpoint-{step}/{name}" for step in (9, 18) for name in ("README.md", "trainer_state.json")]
    rates = [i for i in found(RULE, healthy(data=data, without=gone)) if "learning_rate" in i.message]
    assert [item.severity for item in rates] == [WARNING]
