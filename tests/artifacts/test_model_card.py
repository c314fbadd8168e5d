import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._front_matter import parse_yaml_mapping
from auditor.artifacts.model_card import ModelCard
from auditor.errors import CannotRead
from tests.builders.blobs import blob

TRAINER = """---
base_model: org/base-9b
library_name: peft
license: other
tags:
- lora
- generated_from_trainer
datasets: [one, two]
pipeline_tag: text-generation
---

# my-run

The following hyperparameters were used during training:
- learning_rate: 5e-06
- train_batch_size: 1
- seed: 42
- optimizer: Use adamw_torch with betas=(0.9,0.999) and epsilon=1e-08
- lr_scheduler_type: cosine
- lr_scheduler_warmup_ratio: 0.1
- num_epochs: 3.0
- training_steps: 20

### Training results

- accuracy: 7

### Framework versions

- PEFT 0.12.0
- Transformers 4.44.1
- Pytorch 2.4.1+cu121
"""


def card(text: str | bytes) -> ModelCard:
    return ModelCard.parse(blob(text, "checkpoint-450/README.md"))


def test_a_trainer_card() -> None:
    read = card(TRAINER)
    assert (read.base_model, read.library_name, read.license) == (("org/base-9b",), "peft", "other")
    assert (read.tags, read.datasets) == (("lora", "generated_from_trainer"), ("one", "two"))
    assert (read.pipeline_tag, read.title, read.problems) == ("text-generation", "my-run", ())
    assert (read.peft_version, read.transformers_version) == ("0.12.0", "4.44.1")
    assert read.framework_versions["pytorch"] == "2.4.1+cu121"
    assert read.body.startswith("\n# my-run")
    assert read.has_front_matter


def test_hyperparameters_by_the_trainers_names() -> None:
    # transformers, modelcard.py: num_epochs, training_steps, lr_scheduler_warmup_ratio are its own spellings.
    assert card(TRAINER).hyperparameters == {
        "learning_rate": 5e-06,
        "train_batch_size": 1,
        "seed": 42,
        "optimizer": "Use adamw_torch with betas=(0.9,0.999) and epsilon=1e-08",
        "optim": "adamw_torch",
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.1,
        "num_train_epochs": 3.0,
        "max_steps": 20,
    }


@pytest.mark.parametrize(
    ("sentence", "optim"),
    [
        ("Use OptimizerNames.PAGED_ADAMW_8BIT with betas=(0.9,0.999)", "paged_adamw_8bit"),
        ("Use OptimizerNames.PAGED_ADAMW with betas=(0.9,0.999)", "paged_adamw_32bit"),
        ("Use OptimizerNames.LION and the args are:", "lion_32bit"),
        ("Use lion and the args are:", "lion"),
        ("Adam with betas=(0.9,0.999)", None),
    ],
)
def test_the_optimizers_sentence(sentence: str, optim: str | None) -> None:
    text = f"The following hyperparameters were used during training:\n- optimizer: {sentence}\n"
    assert card(text).hyperparameters.get("optim") == optim


def test_a_peft_template() -> None:
    text = (
        "---\nbase_model: /cheetah/input/model/base\nlibrary_name: peft\n---\n"
        + "[More Information Needed]\n" * 12
    )
    read = card(text + "### Framework versions\n\n- PEFT 0.13.2")
    assert (read.base_model, read.placeholders) == (("/cheetah/input/model/base",), 12)
    assert read.peft_version == "0.13.2"


def test_trl_spells_versions_with_a_colon() -> None:
    read = card("### Framework versions\n\n- TRL: 0.12.1\n- Transformers: 4.46.3\n- PEFT 0.18.1.dev0@abc\n")
    assert dict(read.framework_versions) == {
        "trl": "0.12.1",
        "transformers": "4.46.3",
        "peft": "0.18.1.dev0@abc",
    }


def test_several_base_models_and_none() -> None:
    assert card("---\nbase_model:\n- a/b\n- c/d\n---\n").base_model == ("a/b", "c/d")
    assert card("---\nbase_model: ''\nlicense: 3\n---\n").base_model == ()
    assert card("# only text\n").front_matter == {}


@pytest.mark.parametrize("text", ["", "plain", "---\n", "--- \nno end", "text\n---\na: 1\n---\n"])
def test_no_front_matter(text: str) -> None:
    read = card(text)
    assert (read.has_front_matter, read.front_matter, read.body) == (False, {}, text)


def test_dashes_that_never_close_are_a_problem() -> None:
    assert card("---\na: 1\n").problems == ("the front matter is opened by --- and never closed",)


def test_a_conflict_marker_hides_the_front_matter() -> None:
    (problem,) = card("<<<<<<< HEAD\n---\nbase_model: a/b\n---\n=======\n").problems
    assert problem.startswith("line 1 is a merge conflict marker")
    (inside,) = card("---\n<<<<<<< HEAD\n---\n").problems[:1]
    assert inside == "merge conflict markers stand in the front matter"


def test_a_second_block_is_a_problem_and_not_read() -> None:
    read = card("---\nlicense: mit\n---\n---\nlicense: gpl\n---\n# x\n")
    assert (read.license, read.title) == ("mit", "x")
    assert read.problems == ("a second block of front matter follows the first; only the first is read",)


def test_a_rule_across_the_page_is_no_second_block() -> None:
    assert card("---\nlicense: mit\n---\n# x\n\n---\n\ntext\n\n---\n").problems == ()


def test_line_ends_byte_order_mark_and_blank_lines_before() -> None:
    assert card(b"\xef\xbb\xbf---\r\nlicense: mit\r\n---\r\n# T\r\n").license == "mit"
    assert card("\n\n---\nlicense: mit\n---\n").license == "mit"


def test_utf16_is_read_and_noted() -> None:
    read = card("# Titel\n".encode("utf-16"))
    assert (read.title, read.problems) == ("Titel", ("the file is UTF-16; hubs and forges expect UTF-8",))


@pytest.mark.parametrize("data", [b"# caf\xe9", b"\xff\xfe#", b"\x89PNG\r\n\x1a\n\xff"])
def test_what_is_no_text_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        card(data)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [*{old}, *{old}]}}\n"
    for old, new in zip("abcdefghijklmnop", "bcdefghijklmnopq", strict=True)
)


@pytest.mark.parametrize(
    "block",
    [
        BOMB,
        MERGES,
        "a: &a [*a]",
        "a: " + "[" * 200_000,
        "- " * 100_000,
        "{" * 60,
        "a: " + "9" * 5000,
        "a: 1" + ":59" * 60_000,
        "a: 0x" + "f" * 100_000,
        "a: !!int ''",
        "a: !!bool maybe",
        "a: !!timestamp x",
        "a: 2020-13-45",
        "? [a]\n: b",
        "a: !!python/object/apply:os.system ['true']",
        "a: 'open",
        "a: b: c",
        "just a sentence",
        "- a\n- b",
        "a: \x00",
        "x: y\n" * 100_000,
    ],
    ids=lambda block: str(block)[:20],
)
def test_unusable_front_matter_is_a_problem_and_the_rest_is_read(block: str) -> None:
    read = card(f"---\n{block}\n---\n# Title\n")
    assert (read.has_front_matter, read.front_matter, read.title) == (True, {}, "Title")
    (problem,) = read.problems
    assert problem.startswith("the front matter is not usable: ")
    assert len(problem) < 300


def test_values_are_plain() -> None:
    read = parse_yaml_mapping(
        "d: 2024-01-02\nt: 2024-01-02 03:04:05\n1: x\nn: .nan\ns: !!set {a, b}\nb: !!binary aGk=\nz: yes"
    )
    assert (read["d"], read["t"], read["1"]) == ("2024-01-02", "2024-01-02T03:04:05", "x")
    assert (read["s"], read["b"], read["z"]) == (["a", "b"], "hi", True)
    assert isinstance(read["n"], float)
    assert math.isnan(read["n"])


def test_few_aliases_are_fine() -> None:
    assert parse_yaml_mapping("a: &x [1]\nb: *x\nc: {<<: {k: 1}}") == {"a": [1], "b": [1], "c": {"k": 1}}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#,?% \n\t0123456789.~<=", max_size=60))
def test_any_front_matter_is_plain_or_a_problem(block: str) -> None:
    read = card(f"---\n{block}\n---\n")
    assert all(isinstance(key, str) for key in read.front_matter)
    assert is_plain(dict(read.front_matter))


def is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(is_plain(item) for item in value.values())
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize(
    "line", ["# " + "#" * 3_000_000 + "x", "#" + " " * 3_000_000, "- " + "a " * 1_000_000, "[More" * 500_000]
)
def test_long_lines_take_no_long_time(line: str) -> None:
    read = card("Framework versions\nThe following hyperparameters were used during training\n" + line)
    assert (read.title, read.framework_versions, read.hyperparameters) == (None, {}, {})


def test_facts() -> None:
    facts = card(TRAINER).facts()
    assert facts["front_matter.license"].value == "other"
    assert facts["version.peft"].value == "0.12.0"
    assert facts["hyperparameter.seed"].value == 42
    assert facts["body"] == card(TRAINER.replace("\n", "\r\n")).facts()["body"]


def test_the_newer_of_two_peft_releases_stands_first() -> None:
    text = "### Framework versions\n\n- PEFT 0.18.1\n- PEFT 0.18.0\n"
    assert ModelCard.parse(blob(text, "README.md")).peft_version == "0.18.1"


@pytest.mark.rerun
def test_an_optimizer_is_named_by_its_member() -> None:
    """As Python formats it in a card: ``OptimizerNames.ADAMW_BNB`` for "adamw_bnb_8bit"."""
    names = pytest.importorskip("transformers.training_args").OptimizerNames
    for member in names:
        text = "The following hyperparameters were used during training:\n"
        assert card(f"{text}- optimizer: Use {member} and\n").hyperparameters["optim"] == member.value
