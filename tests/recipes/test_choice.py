"""Which configuration is a run's: small repositories of adapters and configurations."""

import json

import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.training_args import TrainingArgs
from auditor.recipes._base import Recipe
from auditor.recipes._choice import Place, Shelf
from auditor.recipes._platforms import YAML_LIMIT
from auditor.runs import group, read
from auditor.runs._reading import MOST_RECIPES
from auditor.sources.directory import memory_snapshot
from tests.builders.blobs import blob
from tests.builders.platforms import AUTOTRAIN, BASE, CHEETAH, LLAMA_FACTORY, MS_SWIFT, TORCHTUNE, recipe_of


def adapter(base: str = BASE, r: int = 8, alpha: int = 16) -> bytes:
    raw = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "r": r,
        "lora_alpha": alpha,
        "target_modules": ["q_proj"],
    }
    return json.dumps(raw).encode()


def config(rank: int = 8, base: str = BASE, output: str = "/somewhere/else") -> bytes:
    text = LLAMA_FACTORY.replace("lora_rank: 8", f"lora_rank: {rank}").replace(BASE, base)
    return text.replace("saves/output", output).encode()


def chosen(files: dict[str, bytes]) -> dict[str, str | None]:
    found: dict[str, Recipe | None] = {
        run.name: run.recipe for run in group(read(memory_snapshot("test", files)))
    }
    return {name: recipe.path if recipe else None for name, recipe in found.items()}


def test_a_config_beside_the_adapter() -> None:
    assert chosen({"adapter_config.json": adapter(), "train.yaml": config()}) == {".": "train.yaml"}


def test_a_config_that_names_the_runs_folder() -> None:
    files = {"out/adapter_config.json": adapter(r=64), "train.yaml": config(output="./out")}
    assert chosen(files) == {"out": "train.yaml"}


def test_a_config_that_names_another_runs_folder_is_never_held_against_this_one() -> None:
    files = {
        "a/adapter_config.json": adapter(r=64),
        "b/adapter_config.json": adapter(),
        "train.yaml": config(output="saves/b"),
    }
    assert chosen(files) == {"a": None, "b": "train.yaml"}


def test_several_configs_that_name_one_folder_are_alternatives() -> None:
    files = {
        "out/adapter_config.json": adapter(r=64),
        "a.yaml": config(output="./out"),
        "b.yaml": config(rank=4, output="./out"),
    }
    assert chosen(files) == {"out": None}
    assert chosen({**files, "c.yaml": config(rank=64, output="out")}) == {"out": "c.yaml"}


def torchtunes(r: int = 8, base: str | None = "meta/Llama-3-8B", **more: object) -> bytes:
    """adapter_config.json as torchtune 0.6.1 writes it."""
    raw = {"r": r, "lora_alpha": 16, "target_modules": ["q_proj"], "peft_type": "LORA", **more}
    return json.dumps(raw if base is None else {**raw, "base_model_name_or_path": base}).encode()


def recipe(folder: str, model: str = "llama3.lora_llama3_8b") -> bytes:
    return TORCHTUNE.replace("/tmp/tiny-gemma3", folder).replace("gemma.qlora_gemma_2b", model).encode()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        # The folder is called after the base, whoever wrote the adapter.
        (torchtunes(r=64, inference_mode=True), recipe("/tmp/Llama-3-8B/original")),
        (torchtunes(r=64, inference_mode=True), recipe("/hub/models--meta--Llama-3-8B/snapshots/1a2b")),
        # torchtune wrote the adapter, for a base of that size or with the same alpha.
        (torchtunes(r=64), recipe("/data/model")),
        (torchtunes(r=64, base=None), recipe("/data/model")),
        (torchtunes(r=64, base="qwen/Qwen2.5-1.5B"), recipe("/data/x", "qwen2_5.lora_qwen2_5_1_5b_instruct")),
    ],
)
def test_a_config_that_names_no_base_is_the_only_runs_even_where_the_rank_differs(
    config: bytes, text: bytes
) -> None:
    assert chosen({"adapter_config.json": config, "recipe.yaml": text}) == {".": "recipe.yaml"}
    assert chosen({"out/adapter_config.json": config, "recipe.yaml": text}) == {"out": "recipe.yaml"}
    # A collection, another adapter, or a folder of its own: it need not be this run's.
    other = text.replace(b"lora_rank: 8", b"lora_rank: 4")
    files = {"adapter_config.json": config, "recipe.yaml": text, "other.yaml": other}
    assert chosen(files) == {".": None}
    assert chosen({"a/adapter_config.json": config, "b/adapter_config.json": config, "x.yaml": text}) == {
        "a": None,
        "b": None,
    }
    assert chosen({"adapter_config.json": config, "configs/recipe.yaml": text}) == {".": None}


@pytest.mark.parametrize(
    ("config", "text"),
    [
        # Another base's size; an adapter that PEFT wrote and a folder that says nothing; another alpha as well.
        (torchtunes(r=64), recipe("/data/model", "llama3.lora_llama3_70b")),
        (torchtunes(r=64, base="meta/Llama-3.2-1B"), recipe("/tmp/Llama-3-8B")),
        (torchtunes(r=64, inference_mode=True), recipe("/data/model")),
        (torchtunes(r=64, base=None, lora_alpha=99), recipe("/data/model")),
    ],
)
def test_a_config_that_names_no_base_may_be_of_another_run(config: bytes, text: bytes) -> None:
    assert chosen({"adapter_config.json": config, "recipe.yaml": text}) == {".": None}


def test_a_config_for_another_base_is_another_adapters() -> None:
    assert chosen({"adapter_config.json": adapter(base="x/y-7b"), "train.yaml": config()}) == {".": None}


def test_the_only_config_of_the_only_run_is_its_own_even_where_the_rank_differs() -> None:
    assert chosen({"adapter_config.json": adapter(r=64), "train.yaml": config()}) == {".": "train.yaml"}


def test_of_several_configs_the_one_that_fits() -> None:
    files = {
        "adapter_config.json": adapter(),
        "a.yaml": config(rank=4),
        "b.yaml": config(),
        "c.yaml": config(rank=16),
    }
    assert chosen(files) == {".": "b.yaml"}


def test_of_several_configs_none_where_none_fits() -> None:
    files = {"adapter_config.json": adapter(r=64), "a.yaml": config(rank=4), "c.yaml": config(rank=16)}
    assert chosen(files) == {".": None}


def test_a_config_in_a_folder_of_its_own_belongs_to_the_only_run_that_it_describes() -> None:
    files = {"model/adapter_config.json": adapter(), "autodl/train.yaml": config()}
    assert chosen(files) == {"model": "autodl/train.yaml"}
    assert chosen({**files, "model/adapter_config.json": adapter(r=64)}) == {"model": None}
    assert chosen({**files, "other/adapter_config.json": adapter()}) == {"model": None, "other": None}


def test_examples_and_hidden_folders_are_not_the_repositorys_own() -> None:
    files = {
        "adapter_config.json": adapter(),
        "examples/train.yaml": config(),
        ".github/train.yaml": config(),
    }
    assert chosen(files) == {".": None}


def test_what_the_platform_saved_comes_before_what_people_wrote() -> None:
    params = json.dumps(AUTOTRAIN).encode()
    files = {"adapter_config.json": adapter(), "training_params.json": params, "train.yaml": config()}
    assert chosen(files) == {".": "training_params.json"}
    # Its values are judged one by one, those of another rank too.
    assert chosen({**files, "adapter_config.json": adapter(r=64)}) == {".": "training_params.json"}


def test_a_record_above_several_adapters_is_that_of_the_one_it_describes() -> None:
    params = json.dumps(AUTOTRAIN).encode()
    files = {
        "a/adapter_config.json": adapter(),
        "b/adapter_config.json": adapter(r=64),
        "training_params.json": params,
    }
    assert chosen(files) == {"a": "training_params.json", "b": None}


def test_a_record_beside_a_run_is_not_that_of_another_adapter_below_it() -> None:
    said = {"peft": {"r": 8, "lora_alpha": 16}, "model": {"model_path": BASE}, "train_model_parameters": {}}
    files = {
        "adapter_config.json": adapter(),
        "second/adapter_config.json": adapter(r=16),
        CHEETAH: json.dumps(said).encode(),
    }
    assert chosen(files) == {".": CHEETAH, "second": None}
    del files["adapter_config.json"]
    assert chosen(files) == {"second": CHEETAH}


def test_a_record_in_a_checkpoint_is_the_runs() -> None:
    args = json.dumps(MS_SWIFT).encode()
    files = {"checkpoint-9/adapter_config.json": adapter(), "checkpoint-9/args.json": args}
    assert chosen(files) == {".": "checkpoint-9/args.json"}


def test_another_kind_of_training_is_another_run() -> None:
    stage = config().replace(b"stage: sft", b"stage: dpo")
    files = {"adapter_config.json": adapter(), "dpo.yaml": stage, "sft.yaml": config(rank=4)}
    assert chosen(files) == {".": "dpo.yaml"}


def test_a_config_of_another_kind_of_training_is_nobodys() -> None:
    shelf = Shelf(
        [recipe_of("dpo.yaml", config().decode().replace("stage: sft", "stage: dpo"))], frozenset({""})
    )
    read_adapter = AdapterConfig.parse(blob(adapter(), "adapter_config.json"))
    for name, expected in (("SFTConfig", None), ("DPOConfig", "dpo.yaml"), ("TrainingArguments", "dpo.yaml")):
        arguments = TrainingArgs("training_args.bin", f"trl.trainer.{name}", {})
        found = shelf.choose(Place(("",), read_adapter, arguments))
        assert (found.path if found else None) == expected


def test_a_collection_of_configurations_made_no_run() -> None:
    files = {f"{number}.yaml": config() for number in range(100)}
    assert chosen({"adapter_config.json": adapter(), **files}) == {".": None}


def test_only_so_many_bytes_of_yaml_are_parsed_and_the_rest_is_said() -> None:
    large = config() + b"x: [" + b"a, " * 15_000 + b"]\n"
    files = {f"{number:02}.yaml": large for number in range(30)} | {"z/axolotl_config.yml": large}
    found = read(memory_snapshot("test", files))
    assert len(found.recipes) == YAML_LIMIT // len(large)
    assert len(found.recipes) + len(found.unread) == 31
    assert found.unread[-1].path == "z/axolotl_config.yml"
    assert "hold more than 1,048,576 bytes of YAML" in found.unread[-1].state + found.unread[-1].reason


def test_only_so_many_configurations_are_opened() -> None:
    files = {f"{number}.yaml": config() for number in range(300)}
    assert len(read(memory_snapshot("test", files)).recipes) == MOST_RECIPES
