"""Names of modules are those of torchtune 0.6.1, models/convert_weights.py, _TO_PEFT_TARGET_MODULES."""

import inspect

import pytest

from auditor.recipes._base import Recipe
from auditor.recipes._components import signature
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob
from tests.builders.platforms import TORCHTUNE, recipe_of


def edited(old: str = "", new: str = "", path: str = "recipe.yaml") -> Recipe:
    assert old in TORCHTUNE
    return recipe_of(path, TORCHTUNE.replace(old, new) if old else TORCHTUNE)


@pytest.mark.parametrize(
    ("canonical", "member", "meant"),
    [
        ("r", "/model/lora_rank", 8),
        ("lora_alpha", "/model/lora_alpha", 16),
        ("learning_rate", "/optimizer/lr", 2e-3),
        ("lr_scheduler_type", "/lr_scheduler/_component_", "cosine"),
        ("warmup_steps", "/lr_scheduler/num_warmup_steps", 100),
        ("per_device_train_batch_size", "/batch_size", 1),
        ("max_length", "/tokenizer/max_seq_len", 64),
        ("quantization", "/model/_component_", "int4"),
        ("peft", "/model/_component_", True),
    ],
)
def test_names(canonical: str, member: str, meant: object) -> None:
    stated = edited().settings[canonical]
    assert (stated.member, stated.meant) == (member, meant)


def test_modules_in_pefts_names() -> None:
    assert edited().value("target_modules") == [
        "q_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "down_proj",
        "up_proj",
    ]
    found = edited("apply_lora_to_mlp: True", "apply_lora_to_mlp: False\n  apply_lora_to_output: True")
    assert found.value("target_modules") == ["q_proj", "v_proj", "o_proj", "lm_head"]


def test_what_is_not_claimed() -> None:
    # dropout is not written to adapter_config.json, dtype is the whole model's, the base is a folder of the machine.
    assert not {"lora_dropout", "mixed_precision", "base_model", "seed"} & set(edited().settings)


def test_only_what_torchtune_saved_is_a_record() -> None:
    assert not edited().record
    assert edited(path="out/torchtune_config.yaml").record


@pytest.mark.parametrize(
    ("old", "new", "key", "meant"),
    [
        ("fused: True", "fussed: True\n  betas: [0.9, 0.95]", "optimizer.fussed", "fused"),
        ("lora_rank: 8", "lora_rnak: 8", "model.lora_rnak", "lora_rank"),
        ("lora_rank: 8", "rank: 8", "model.rank", "lora_rank"),
        ("apply_lora_to_mlp", "apply_lora_to_mlps", "model.apply_lora_to_mlps", "apply_lora_to_mlp"),
        ("num_warmup_steps", "num_warmup_step", "lr_scheduler.num_warmup_step", "num_warmup_steps"),
        ("max_seq_len: 64", "max_seqlen: 64", "tokenizer.max_seqlen", "max_seq_len"),
        ("packed: False", "packd: False", "dataset.packd", "packed"),
        ("checkpoint_dir", "checkpoint_dri", "checkpointer.checkpoint_dri", "checkpoint_dir"),
        (
            "checkpoint_dir: /tmp/tiny-gemma3",
            "checkpoint_files:\n    filename_format: x\n    max_filenam: '4'",
            "checkpointer.checkpoint_files.max_filenam",
            "max_filename",
        ),
    ],
)
def test_a_slip_among_the_arguments_of_a_component(old: str, new: str, key: str, meant: str) -> None:
    assert [(stated.key, likely) for stated, likely in edited(old, new).misspelt] == [(key, meant)]


def test_a_slip_in_an_entry_of_a_list_and_inside_another_component() -> None:
    listed = "dataset:\n  - _component_: torchtune.datasets.alpaca_dataset\n    packd: True"
    found = edited(
        "dataset:\n  _component_: torchtune.datasets.alpaca_dataset\n  packed: False",
        f"{listed}\n  - _component_: torchtune.datasets.samsum_dataset\n    trian_on_input: True",
    )
    assert [(stated.member, likely) for stated, likely in found.misspelt] == [
        ("/dataset/0/packd", "packed"),
        ("/dataset/1/trian_on_input", "train_on_input"),
    ]
    inner = "prompt_template:\n    _component_: torchtune.data.PromptTemplate\n    tmeplate: {}"
    ((stated, likely),) = edited("max_seq_len: 64", f"max_seq_len: 64\n  {inner}").misspelt
    assert (stated.member, likely) == ("/tokenizer/prompt_template/tmeplate", "template")


@pytest.mark.parametrize(
    ("old", "new", "member", "types"),
    [
        ("lora_rank: 8", "lora_rank: eight", "/model/lora_rank", "integer"),
        ("lora_dropout: 0.05", "lora_dropout: [1]", "/model/lora_dropout", "number"),
        ("lr: 2e-3", "lr: fast", "/optimizer/lr", "number"),
        ("num_warmup_steps: 100", "num_warmup_steps: few", "/lr_scheduler/num_warmup_steps", "integer"),
        ("packed: False", "packed: 3", "/dataset/packed", "boolean"),
        ("epochs: 1", "epochs: one", "/epochs", "integer"),
    ],
)
def test_a_value_of_another_type_than_the_component_takes(
    old: str, new: str, member: str, types: str
) -> None:
    ((stated, wanted),) = edited(old, new).mistyped
    assert (stated.member, wanted) == (member, types)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # load_dataset takes what the data set itself does not (datasets 5.2, packaged_modules/csv/csv.py).
        ("packed: False", "packed: False\n  names: [a, b]\n  data_files: x.csv\n  my_builders_own: 1"),
        ("fused: True", "foreach: True\n  maximize: False"),
        # A name of the user's own, which the file refers to.
        ("seed: null", "seed: ${sede}\nsede: 7"),
        ("epochs: 1", "epochs: ${oc.env:EPOCHS}"),
        ("torch.optim.AdamW\n  fused", "bitsandbytes.optim.PagedAdamW8bit\n  amsgrad"),
        ("qlora_gemma_2b", "lora_gemma_2b\n  quantize_base: True"),
        ("max_seq_len: 64", "max_seq_len: null"),
        ("seed: null", "seed: 1\nmetric_logger:\n  _component_: torchtune.utils.metric_logging.DiskLogger"),
    ],
)
def test_honest_arguments_are_no_slips(old: str, new: str) -> None:
    found = edited(old, new)
    assert (found.misspelt, found.mistyped, found.suspicious, found.unjudged) == ((), (), (), ())


def test_a_component_that_is_not_known_is_not_judged_and_said() -> None:
    found = edited("torch.optim.AdamW\n  fused", "my.optim.AdamW\n  fussed")
    assert found.misspelt == ()
    (reason,) = found.unjudged
    assert reason.startswith("`optimizer` is built from my.optim.AdamW, which is no component known here")


def test_a_reference_stands_for_what_it_names() -> None:
    assert edited("lora_rank: 8", "lora_rank: ${model.lora_alpha}").value("r") == 16
    # What is not known is not declared, and a circle has no end.
    assert edited("lora_rank: 8", "lora_rank: ${rank}").value("r") is None
    assert edited("lora_rank: 8", "lora_rank: ${model.lora_rank}").value("r") is None


def test_a_slip_of_the_recipe_itself() -> None:
    ((stated, likely),) = edited("gradient_accumulation_steps", "gradient_accumulation_step").misspelt
    assert (stated.key, likely) == ("gradient_accumulation_step", "gradient_accumulation_steps")


def test_evaluation_is_no_training() -> None:
    assert read_recipe("eval.yaml", blob(TORCHTUNE.partition("optimizer:")[0])) is None


def test_one_component_is_some_other_programs() -> None:
    assert read_recipe("config.yaml", blob("model:\n  _component_: torchtune.models.x\n")) is None


def test_signatures_of_the_releases() -> None:
    # torchtune 0.6.1, models/llama3/_model_builders.py; torch 2.13.0, optim/adamw.py.
    assert set(signature("torchtune.models.llama3.lora_llama3_8b") or {}) == {
        *("lora_attn_modules", "apply_lora_to_mlp", "apply_lora_to_output", "lora_rank", "lora_alpha"),
        *("lora_dropout", "use_dora", "quantize_base"),
    }
    adamw = signature("torch.optim.AdamW") or {}
    assert (adamw["lr"], adamw["betas"], adamw["fused"]) == ("number", "array", "boolean|null")
    # models/llama3_3/_model_builders.py: another name for that of Llama 3.1, which is a partial of a third.
    assert signature("torchtune.models.llama3_3.qlora_llama3_3_70b") is not None
    assert "**" in (signature("torchtune.datasets.alpaca_dataset") or {})
    assert signature("torchtune.models.llama3.llama") is None


@pytest.mark.rerun
def test_signatures_of_the_installed_optimizers() -> None:
    import torch

    for name in ("AdamW", "Adam", "SGD", "Adagrad", "RMSprop"):
        real = set(inspect.signature(getattr(torch.optim, name).__init__).parameters) - {"self"}
        assert set(signature(f"torch.optim.{name}") or {}) == real


def test_a_slip_in_the_name_of_a_group() -> None:
    found = edited("checkpointer:", "checkpionter:")
    assert [(stated.key, likely) for stated, likely in found.misspelt] == [("checkpionter", "checkpointer")]
    assert found.unjudged == ("what stands inside checkpionter is not checked",)
    # A group of the user's own beside it is looked into.
    more = "seed: null\ncheckpointer_2:\n  _component_: torchtune.training.FullModelHFCheckpointer\n"
    ((stated, likely),) = edited("seed: null", f"{more}  checkpoint_dri: x").misspelt
    assert (stated.key, likely) == ("checkpointer_2.checkpoint_dri", "checkpoint_dir")
