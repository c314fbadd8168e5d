"""What every platform has in common, and what files are nobody's."""

import json
from typing import BinaryIO

import pytest

from auditor import discover
from auditor.errors import CannotRead
from auditor.model import Blob
from auditor.recipes import _platforms
from auditor.recipes._platforms import SIZE_LIMIT, is_recipe, platforms, read_recipe
from tests.builders.blobs import blob, json_blob
from tests.builders.platforms import AUTOTRAIN, EVERY, LLAMA_FACTORY, recipe_of, text_of


@pytest.mark.parametrize("name", discover.names("auditor.recipes"))
def test_every_platform_says_what_it_is(name: str) -> None:
    (module,) = [found for found in platforms() if found.__name__.endswith(f".{name}")]
    assert module.PLATFORM
    assert module.FILES or len(module.MARKS) >= 2
    assert callable(module.recognise)
    assert len((module.__doc__ or "").split()) > 8


@pytest.mark.parametrize("what", sorted(EVERY))
def test_the_honest_configuration_has_nothing_to_find(what: str) -> None:
    found = recipe_of(*EVERY[what])
    assert (found.misspelt, found.mistyped, found.suspicious, found.duplicates, found.inert) == (
        (),
        (),
        (),
        (),
        (),
    )
    assert found.documented
    assert {"r", "learning_rate"} <= set(found.settings)
    assert (found.value("r"), found.value("learning_rate")) == (8, 2e-3)


@pytest.mark.parametrize("what", sorted(EVERY))
def test_it_is_found_whatever_its_name(what: str) -> None:
    path, content = EVERY[what]
    other = "deep/er/my_sft_run.json" if path.endswith(".json") else "deep/er/whatever.yml"
    again = read_recipe(other, blob(text_of(content), other))
    assert again is not None
    assert again.settings.keys() == recipe_of(path, content).settings.keys()


@pytest.mark.parametrize("what", sorted(EVERY))
@pytest.mark.parametrize("damage", ["cut", "noise", "list", "empty", "deep", "tag", "alias"])
def test_damaged_files_are_refused_or_nobodys(what: str, damage: str) -> None:
    path, content = EVERY[what]
    text = text_of(content)
    aliases = "\n".join(["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))])
    damaged = {
        "cut": text[: len(text) // 2],
        "noise": text + "\x00\xff",
        "list": f"[{json.dumps(text)}]",
        "empty": "",
        "deep": text + "\nx: " + "[" * 100_000,
        "tag": text + "\nx: !!python/object/apply:os.system [id]\n",
        "alias": text + "\n" + aliases,
    }[damage]
    try:
        found = read_recipe(path, blob(damaged.encode("latin-1", "replace"), path))
    except CannotRead:
        return
    assert found is None or damage in ("cut", "noise")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "config.yaml",
            "_wandb:\n  desc: null\nlearning_rate:\n  desc: null\n  value: 0.0001\nlora_r:\n  value: 8\n",
        ),
        ("environment.yml", "name: llm\nchannels: [pytorch]\ndependencies:\n  - python=3.10\n"),
        ("docker-compose.yaml", "services:\n  train:\n    image: lora\n    command: axolotl train\n"),
        ("action.yml", "name: finetuning_type\non: push\n"),
        ("values.yaml", "policy:\n  lora_config:\n    r: 8\nbatch_size: 2\nsteps: 2\n"),
        ("args.json", '{"lr": 0.1, "epochs": 3, "batch_size": 2}'),
        ("train_config.json", '{"learning_rate": 0.1, "output_dir": "x", "num_train_epochs": 1}'),
        ("a.txt", LLAMA_FACTORY),
    ],
)
def test_files_of_other_programs_are_nobodys(path: str, text: str) -> None:
    assert read_recipe(path, blob(text, path)) is None
    assert not is_recipe(path)


def test_a_large_file_is_never_opened() -> None:
    def refuse() -> BinaryIO:
        raise AssertionError("opened")

    large = blob("", "train.yaml")
    assert read_recipe("train.yaml", large.replaced(size=SIZE_LIMIT + 1, content=refuse)) is None


def test_yaml_is_loaded_only_for_a_file_with_two_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, found: object, allowance: object) -> object:
        raise AssertionError(f"parsed {path}")

    monkeypatch.setattr(_platforms, "_parsed", refuse)
    assert read_recipe("config.yaml", blob("a: 1\nlora_rank: 3\n", "config.yaml")) is None
    with pytest.raises(AssertionError):
        read_recipe("config.yaml", blob(LLAMA_FACTORY, "config.yaml"))


def absent(path: str) -> Blob:
    def refuse() -> BinaryIO:
        raise CannotRead("is not fetched", "unfetched")

    return blob("", path).replaced(content=refuse, absent="is not fetched")


def test_a_name_that_a_platform_owns_says_why_it_cannot_be_read() -> None:
    assert is_recipe("out/training_params.json")
    half = text_of(AUTOTRAIN)[:200]
    with pytest.raises(CannotRead):
        read_recipe("training_params.json", blob(half, "training_params.json"))
    # Another program's file of that name is no loss, and a pointer without content always is one.
    assert (
        read_recipe("training_params.json", blob('{"fp16": true, "fp16": false}', "training_params.json"))
        is None
    )
    with pytest.raises(CannotRead):
        read_recipe("training_params.json", absent("training_params.json"))
    # Another task's parameters are AutoTrain's too, and none of an adapter's.
    classifier = {
        key: AUTOTRAIN[key] for key in ("lr", "epochs", "project_name", "data_path", "scheduler", "optimizer")
    }
    assert read_recipe("training_params.json", json_blob({**classifier, "target_column": "label"})) is None
