from dataclasses import replace

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "lfs-pattern-without-file"
INSTEAD = "patterns of files in the repository"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    # tokenizer.json (line 36) is there; the three lines after it were copied from the base model's repository.
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "3 lines name files that are not in the repository: model-00001-of-00002.safetensors, "
            "model-00002-of-00002.safetensors, tokenizer.model",
            ".gitattributes",
            expected=INSTEAD,
            observed="line 37, line 38, line 39",
        )
    ]


def test_passes_a_name_that_is_in_some_folder_and_fails_for_a_path_that_is_not() -> None:
    lines = "trainer_state.json filter=lfs\nmodels/trainer_state.json filter=lfs\n*.gguf filter=lfs\n"
    (only,) = found(RULE, seed(text={".gitattributes": lines}))
    assert only.observed == "line 2"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[".gitattributes"])) == ["no .gitattributes is in the repository"]
    folder = replace(seed(), kind="directory")
    assert reasons(RULE, folder) == ["a folder alone does not show how git stores it (give a ref)"]
