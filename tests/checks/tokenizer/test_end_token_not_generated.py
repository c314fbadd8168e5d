from tests.builders.repositories import healthy
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.tokenizer.files import VOCABULARY

RULE = "end-token-not-generated"
FILE = "generation_config.json"
NOT_BOTH = "the folder does not name both an end-of-sequence token and the ids to stop at"


def test_passes_one_of_several_ids() -> None:
    # fixtures/tiny_base.py, SPECIAL: <eos> is 1.
    assert found(RULE, healthy(text={FILE: '{"eos_token_id": [106, 1]}'})) == []
    assert found(RULE, healthy(text={"config.json": '{"model_type": "llama", "eos_token_id": 1}'})) == []


def test_fails_for_the_id_of_another_token() -> None:
    assert found(RULE, healthy(text={FILE: '{"eos_token_id": [106, 5]}'})) == [
        finding(
            RULE,
            NOTE,
            'generation stops at 106, 5, and the tokenizer\'s eos_token "<eos>" is 1',
            FILE,
            "/eos_token_id",
            expected="1 among eos_token_id",
            observed="106, 5",
        )
    ]


def test_fails_where_the_model_s_own_configuration_decides() -> None:
    (only,) = found(RULE, healthy(text={"config.json": '{"model_type": "llama", "eos_token_id": 2}'}))
    assert only.at.path == "config.json"


def test_says_when_it_cannot_look() -> None:
    assert set(reasons(RULE, healthy())) == {NOT_BOTH}
    odd = healthy(text={FILE: '{"eos_token_id": 5}'}, data={VOCABULARY: b"{"})
    assert any(reason.startswith("tokenizer.json is not valid JSON") for reason in reasons(RULE, odd))
    plain = healthy(text={FILE: '{"eos_token_id": 5}'}, data={VOCABULARY: b"{}"})
    assert "the id of the end-of-sequence token is not among the added tokens" in reasons(RULE, plain)
