import json

from tests.builders.example_events import argued
from tests.builders.repositories import TINY_BASE, contents, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import event_path, with_events

RULE = "event-model-differs-from-base"
TEXT = json.loads((TINY_BASE / "config.json").read_text())["text_config"]


def model(key: str, value: object) -> bytes:
    """The honest event file with another value in the model's configuration."""
    return argued(contents("tiny", "candidate")[0][event_path()], key, value, "model_config/text_summary")


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_passes_what_scripts_change() -> None:
    for key, value in (("dtype", "bfloat16"), ("quantization_config", None), ("use_cache", True)):
        assert found(RULE, with_events(model(key, value)), base=TINY_BASE) == []
    grown = {**TEXT, "vocab_size": 512, "pad_token_id": 3, "max_position_embeddings": 4096}
    assert found(RULE, with_events(model("text_config", grown)), base=TINY_BASE) == []


def test_fails_for_another_size() -> None:
    text = {**TEXT, "num_hidden_layers": 4, "rms_norm_eps": 1e-5}
    assert found(RULE, with_events(model("text_config", text)), base=TINY_BASE) == [
        finding(
            RULE,
            ERROR,
            "the event file's model differs from config.json in 2 values: text_config.num_hidden_layers and "
            "text_config.rms_norm_eps",
            event_path(),
            "model_config/text_config.num_hidden_layers",
            expected="text_config.num_hidden_layers 2",
            observed="text_config.num_hidden_layers 4",
        )
    ]


def test_fails_for_a_vocabulary_that_shrank() -> None:
    (only,) = found(RULE, with_events(model("text_config", {**TEXT, "vocab_size": 400})), base=TINY_BASE)
    assert (only.severity, only.observed) == (WARNING, "text_config.vocab_size 400")


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["no event file of the run holds a model's configuration"]
    assert reasons(RULE, healthy()) == ["the base model's configuration is not known (give --base DIR)"]
