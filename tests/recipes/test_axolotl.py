"""Meanings are those of axolotl 0.19.0, core/builders/base.py."""

import pytest

from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob
from tests.builders.platforms import AXOLOTL, recipe_of


def edited(old: str = "", new: str = "") -> Recipe:
    assert old in AXOLOTL
    return recipe_of("sql.yml", AXOLOTL.replace(old, new) if old else AXOLOTL)


@pytest.mark.parametrize(
    ("canonical", "key", "meant"),
    [
        ("r", "lora_r", 8),
        ("tuner", "adapter", "qlora"),
        ("peft", "adapter", True),
        ("quantization", "load_in_4bit", "int4"),
        ("per_device_train_batch_size", "micro_batch_size", 1),
        ("num_train_epochs", "num_epochs", 1),
        ("lr_scheduler_type", "lr_scheduler", "cosine"),
        ("learning_rate", "learning_rate", 2e-3),
        ("max_length", "sequence_len", 64),
        ("target_modules", "lora_target_linear", "all"),
        ("gradient_checkpointing", "gradient_checkpointing", True),
    ],
)
def test_names(canonical: str, key: str, meant: object) -> None:
    stated = edited().settings[canonical]
    assert (stated.key, stated.meant) == (key, meant)


def test_the_honest_file_is_known_entirely() -> None:
    found = edited()
    assert (found.platform, found.record) == ("axolotl", False)
    assert (found.unknown, found.suspicious, found.mistyped, found.duplicates) == ((), (), (), ())


def test_what_axolotl_decides_is_not_claimed() -> None:
    # bf16 is auto, the optimizer is renamed, nothing is there to evaluate on.
    assert not {"mixed_precision", "optim", "eval_steps", "eval_strategy", "save_steps"} & set(
        edited().settings
    )
    assert edited("val_set_size: 0", "val_set_size: 0.1").value("eval_steps") == 20
    assert "warmup_ratio" not in edited("warmup_steps: 10", "warmup_ratio: 0.1").settings
    # One warm-up step becomes two.
    assert "warmup_steps" not in edited("warmup_steps: 10", "warmup_steps: 1").settings


def test_named_targets() -> None:
    assert edited("lora_target_linear: true", "").value("target_modules") is None
    found = edited("lora_target_modules:\nlora_target_linear: true", "lora_target_modules: [q_proj, v_proj]")
    assert found.value("target_modules") == ["q_proj", "v_proj"]


def test_without_an_adapter_nothing_is_claimed_of_lora() -> None:
    assert not {"r", "lora_alpha", "target_modules", "peft"} & set(
        edited("adapter: qlora", "adapter:").settings
    )


def test_an_adapter_that_is_loaded_keeps_its_own_rank() -> None:
    found = edited("lora_model_dir:", "lora_model_dir: outputs/old")
    assert not {"r", "lora_alpha", "target_modules"} & set(found.settings)


def test_schedules_of_its_own_are_not_claimed() -> None:
    assert "lr_scheduler_type" not in edited("lr_scheduler: cosine", "lr_scheduler: rex").settings


CARD = """---
library_name: peft
---
# tiny

<details><summary>See axolotl config</summary>

axolotl version: `0.4.1`
```yaml
{config}
```

</details><br>

```yaml
lora_r: 999
```
"""


def test_the_configuration_in_the_card() -> None:
    found = recipe_of("README.md", CARD.replace("{config}", AXOLOTL))
    assert (found.path, found.platform, found.record, found.value("r")) == ("README.md", "axolotl", False, 8)


@pytest.mark.parametrize(
    "config", ["", "lora_r: [", "lora_r: 8", "a: &a [*a]", "x: !!python/object/apply:os.system [id]"]
)
def test_cards_without_a_usable_one(config: str) -> None:
    assert read_recipe("README.md", blob(CARD.replace("{config}", config))) is None
    assert read_recipe("README.md", blob("# See axolotl config\n```yaml\n" + AXOLOTL)) is None


def test_a_slip() -> None:
    ((stated, likely),) = edited("micro_batch_size", "micro_batchsize").misspelt
    assert (stated.key, likely) == ("micro_batchsize", "micro_batch_size")


ENTRY = "  - path: sums\n    type: alpaca"


@pytest.mark.parametrize(
    ("old", "new", "member", "meant"),
    [
        (ENTRY, f"{ENTRY}\n    feild_messages: turns", "/datasets/0/feild_messages", "field_messages"),
        (ENTRY, f"{ENTRY}\n  - path: b\n    splitt: train", "/datasets/1/splitt", "split"),
        (
            ENTRY,
            "  - path: sums\n    type:\n      field_instuction: question",
            "/datasets/0/type/field_instuction",
            "field_instruction",
        ),
        (
            "special_tokens:",
            "special_tokens:\n  pad_tokn: <pad>",
            "/special_tokens/pad_tokn",
            "pad_token",
        ),
        (
            "strict: false",
            "gradient_checkpointing_kwargs:\n  use_reentrent: true",
            "/gradient_checkpointing_kwargs/use_reentrent",
            "use_reentrant",
        ),
        ("strict: false", "trl:\n  num_generation: 4", "/trl/num_generation", "num_generations"),
        (
            "lora_model_dir:",
            "peft:\n  loftq_config:\n    loftq_bit: 4",
            "/peft/loftq_config/loftq_bit",
            "loftq_bits",
        ),
    ],
)
def test_a_slip_in_a_group(old: str, new: str, member: str, meant: str) -> None:
    assert [(stated.member, likely) for stated, likely in edited(old, new).misspelt] == [(member, meant)]


@pytest.mark.parametrize(
    ("old", "new", "member"),
    [
        (ENTRY, f"{ENTRY}\n    shards: many", "/datasets/0/shards"),
        (ENTRY, f"{ENTRY}\n    roles_to_train: 3", "/datasets/0/roles_to_train"),
        (
            "strict: false",
            "gradient_checkpointing_kwargs:\n  use_reentrant: maybe",
            "/gradient_checkpointing_kwargs/use_reentrant",
        ),
    ],
)
def test_a_value_of_another_type_in_a_group(old: str, new: str, member: str) -> None:
    assert [stated.member for stated, _ in edited(old, new).mistyped] == [member]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # A mapping's keys are columns of the user's data; another format's token is no misspelt eos_token.
        (ENTRY, f"{ENTRY}\n    message_property_mappings:\n      rol: from\n      contents: value"),
        (ENTRY, f"{ENTRY}\n    roles:\n      assitant: [gpt]\n    train_on_split: train\n    favourite: 1"),
        ("special_tokens:", "special_tokens:\n  eot_token: <|eot_id|>\n  pad_token: ''"),
        (ENTRY, "  - sums.jsonl"),
        ("datasets:\n" + ENTRY, "datasets: sums.jsonl\npretraining_dataset:\n  - path: b\n    skip: 10"),
        (
            "weight_decay: 0.0",
            "weight_decay: 0.0\nlr_groups:\n  - name: head\n    modules: [a]\n    lr: 1e-5",
        ),
    ],
)
def test_honest_groups(old: str, new: str) -> None:
    found = edited(old, new)
    assert (found.misspelt, found.mistyped, found.suspicious, found.unjudged) == ((), (), (), ())


def test_objects_that_anybody_fills_are_said_not_to_be_checked() -> None:
    found = edited("strict: false", "fsdp_config:\n  fsdp_ofload_params: true\noptim_args: {a: 1}")
    assert found.misspelt == ()
    assert found.unjudged == ("what stands inside fsdp_config, optim_args is not checked",)
