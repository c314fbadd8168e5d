from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, run_rule, seed
from tests.checks.expecting import NOTE, WARNING, finding, found

RULE = "custom-code-required"
DECLARED = "cheetah-fine-tuning-config.json"
INSTEAD = "classes of transformers"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_training_script_beside_the_adapter() -> None:
    assert found(RULE, healthy(text={"train.py": "print('train')\n"})) == []


def test_fails_for_a_tokenizer_with_its_own_class() -> None:
    edits = {
        "tokenizer_config.json": {
            "/auto_map": {"AutoTokenizer": ["acme/tok--tokenization_acme.AcmeTokenizer", None]}
        }
    }
    named = "acme/tok--tokenization_acme.AcmeTokenizer"
    assert found(RULE, healthy(json_edits=edits)) == [
        finding(
            RULE,
            WARNING,
            f"loading runs Python code that `auto_map` names: {named}",
            "tokenizer_config.json",
            "/auto_map",
            expected=INSTEAD,
            observed=named,
        )
    ]


def test_fails_for_a_model_configuration_with_its_own_classes() -> None:
    text = '{"model_type": "acme", "auto_map": {"AutoConfig": "configuration_acme.C", "AutoModel": "modeling_acme.M"}}'
    (only,) = found(RULE, healthy(text={"config.json": text}))
    assert only.observed == "configuration_acme.C, modeling_acme.M"


def test_fails_as_a_note_when_the_declared_training_trusts_remote_code() -> None:
    edits = {DECLARED: {"/model/trust_remote_code": True}}
    assert found(RULE, healthy(json_edits=edits)) == [
        finding(
            RULE,
            NOTE,
            "the declared config sets `trust_remote_code`, so training ran whatever code came with the model",
            DECLARED,
            "/model/trust_remote_code",
            expected="false",
            observed="true",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    outcome = run_rule(RULE, memory_snapshot("broken", {"tokenizer_config.json": b"{"}))
    assert [item.reason for item in outcome.not_applicable] == [
        "tokenizer_config.json was not read: unreadable"
    ]


def test_fails_as_a_note_where_the_code_is_nowhere() -> None:
    edits = {"tokenizer_config.json": {"/auto_map": {"AutoTokenizer": ["tokenization_acme.T", None]}}}
    (item,) = found(RULE, healthy(json_edits=edits))
    assert item.severity is NOTE
    (here,) = found(RULE, healthy(json_edits=edits, text={"tokenization_acme.py": "class T: ...\n"}))
    assert here.severity is WARNING
