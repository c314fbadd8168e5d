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
