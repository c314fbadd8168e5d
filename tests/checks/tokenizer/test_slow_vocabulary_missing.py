from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "slow-vocabulary-missing"
LINE = "tokenizer.model filter=lfs diff=lfs merge=lfs -text\n"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(text={".gitattributes": "*.model filter=lfs\ntokenizer.model text\n"})) == []


def test_passes_with_the_file() -> None:
    assert (
        found(RULE, healthy(text={".gitattributes": LINE}, data={"checkpoint-9/tokenizer.model": b"x"})) == []
    )


def test_passes_without_a_fast_tokenizer() -> None:
    gone = [f"{folder}tokenizer.json" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    assert found(RULE, healthy(text={".gitattributes": LINE}, without=gone)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            ".gitattributes tracks tokenizer.model, which is not in the repository",
            ".gitattributes",
            "tokenizer.model",
            expected="tokenizer.model",
            observed="tokenizer.json only",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(without=[".gitattributes"])) == ["no .gitattributes is in the repository"]
