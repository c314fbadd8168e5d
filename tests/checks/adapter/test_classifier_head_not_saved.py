from tests.builders.repositories import healthy, seed
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "classifier-head-not-saved"
ADAPTER = "adapter_model.safetensors"
Q = lora("bert.encoder.layer.0.attention.self.query")
CLASS = {"base_model_class": "BertForSequenceClassification", "parent_library": "transformers.models.bert"}
HEAD = {"base_model.model.classifier.weight": (2, 8)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_saved_head_and_models_without_one() -> None:
    plain = {"task_type": None, "auto_mapping": CLASS}
    assert found(RULE, made("LORA", plain, {**Q, **HEAD})) == []
    # A declared head that is missing is `configured-tensors-missing`.
    assert found(RULE, made("LORA", {**plain, "modules_to_save": ["classifier"]}, Q)) == []
    whisper = {"task_type": None, "auto_mapping": {"base_model_class": "WhisperForConditionalGeneration"}}
    assert found(RULE, made("LORA", whisper, Q)) == []


def test_fails_for_a_class_with_a_head_and_no_task_type() -> None:
    assert found(RULE, made("LORA", {"task_type": None, "auto_mapping": CLASS}, Q)) == [
        finding(
            RULE,
            WARNING,
            "the model is a BertForSequenceClassification and the adapter holds no tensor of its head: whoever loads "
            "it gets a random one",
            ADAPTER,
            expected="the head's tensors, such as classifier.weight",
            observed="2 tensors of LORA and none besides",
            evidence=("`modules_to_save` is null",),
        )
    ]


def test_fails_as_a_note_when_the_base_is_a_published_classifier() -> None:
    settings = {
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": "distilbert-base-uncased-finetuned-sst-2-english",
    }
    (only,) = found(RULE, made("LORA", settings, Q))
    assert only.severity is NOTE


def test_cannot_look_at_methods_it_does_not_know_or_without_the_file() -> None:
    unknown = made("CARTRIDGE", {"task_type": "SEQ_CLS"}, {"y": (1,)})
    assert reasons(RULE, unknown) == ["the tensor names of CARTRIDGE are not known"]
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
