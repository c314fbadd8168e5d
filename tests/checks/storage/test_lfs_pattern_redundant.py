from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "lfs-pattern-redundant"
LFS = "filter=lfs diff=lfs merge=lfs -text"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_for_three_lines_and_not_for_tfevents() -> None:
    # Lines 12 and 25 of the hub's list are *.model and *.safetensors; no wider pattern covers tokenizer.json.
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "3 lines repeat what an earlier one says: model-00001-of-00002.safetensors (*.safetensors), "
            "model-00002-of-00002.safetensors (*.safetensors), tokenizer.model (*.model)",
            ".gitattributes",
            expected="each file covered by one line",
            observed="line 37 by line 25, line 38 by line 25, line 39 by line 12",
        )
    ]


def test_fails_for_a_line_that_is_there_twice() -> None:
    lines = f"*.bin {LFS}\n*.pt {LFS}\n*.bin {LFS}\n"
    (only,) = found(RULE, seed(text={".gitattributes": lines}))
    assert only.observed == "line 3 by line 1"


def test_passes_a_line_that_restores_what_another_took_away() -> None:
    lines = f"*.bin {LFS}\n*.bin -filter\nmodel.bin {LFS}\n"
    assert found(RULE, seed(text={".gitattributes": lines})) == []


def test_passes_a_line_with_other_attributes() -> None:
    lines = f"*.bin {LFS}\nmodel.bin filter=lfs\n"
    assert found(RULE, seed(text={".gitattributes": lines})) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[".gitattributes"])) == ["no .gitattributes is in the repository"]
