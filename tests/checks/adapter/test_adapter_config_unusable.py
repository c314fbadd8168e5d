import pytest

from auditor.model import Severity
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, healthy, run_rule, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "adapter-config-unusable"
CONFIG = "adapter_config.json"
COPIES = [f"{folder}{CONFIG}" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
DECLARED = "cheetah-fine-tuning-config.json"


def edit(**values: object) -> list[object]:
    """The findings of the run's own file, which no copy in a checkpoint contradicts."""
    edits = {f"/{key}": value for key, value in values.items()}
    return list(found(RULE, healthy(json_edits={CONFIG: edits}, without=["checkpoint-9/", "checkpoint-18/"])))


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails_for_a_rank_that_peft_refuses() -> None:
    says = "`r` is 0; PEFT refuses a rank below 1"
    assert edit(r=0) == [finding(RULE, ERROR, says, CONFIG, "/r", expected="at least 1", observed="0")]


def test_fails_for_a_rank_in_a_string() -> None:
    says = '`r` is the string "16", expected an integer'
    assert edit(r="16") == [finding(RULE, ERROR, says, CONFIG, "/r")]


def test_fails_for_a_pattern_with_rank_zero_and_not_for_the_default_it_replaces() -> None:
    says = "`rank_pattern` gives 'q_proj' the rank 0; PEFT refuses a rank below 1"
    wanted = finding(RULE, ERROR, says, CONFIG, "/rank_pattern", expected="at least 1", observed="0")
    assert edit(r=0, rank_pattern={"q_proj": 0}) == [wanted]


@pytest.mark.parametrize(
    ("alpha", "severity", "says"),
    [
        (0, ERROR, "`lora_alpha` is 0, which makes the adapter change nothing"),
        (-16, WARNING, "`lora_alpha` is -16, which turns every learned update around"),
    ],
)
def test_fails_for_alpha_that_is_not_positive(alpha: int, severity: Severity, says: str) -> None:
    assert edit(lora_alpha=alpha) == [
        finding(RULE, severity, says, CONFIG, "/lora_alpha", expected="above 0", observed=str(alpha))
    ]


@pytest.mark.parametrize("dropout", [1, 1.5, -0.1])
def test_fails_for_dropout_outside_its_range(dropout: float) -> None:
    says = f"`lora_dropout` is {dropout}, which is no share of activations that can be dropped in training"
    assert edit(lora_dropout=dropout) == [
        finding(
            RULE,
            ERROR,
            says,
            CONFIG,
            "/lora_dropout",
            expected="from 0 to below 1",
            observed=str(dropout),
        )
    ]


def test_fails_for_an_unknown_bias() -> None:
    says = "`bias` is 'some'; PEFT knows none, all and lora_only"
    assert edit(bias="some") == [
        finding(RULE, ERROR, says, CONFIG, "/bias", expected="none, all or lora_only", observed="some")
    ]


def test_fails_mildly_for_a_method_that_a_newer_peft_may_know() -> None:
    says = "`peft_type` is 'NEWEST', which is not a method of PEFT 0.21.2"
    nobody = {CONFIG: {"/peft_type": "NEWEST"}}
    alone = healthy(json_edits=nobody, without=["checkpoint-9/", "checkpoint-18/", DECLARED])
    assert found(RULE, alone) == [finding(RULE, WARNING, says, CONFIG, "/peft_type")]
    lower = found(RULE, healthy(json_edits={key: {"/peft_type": "lora"} for key in COPIES}))
    assert {(item.severity, item.evidence) for item in lower} == {(WARNING, ())}


def test_fails_for_a_method_that_neither_the_declaration_nor_another_copy_names() -> None:
    says = "`peft_type` is 'LORAX', which is not a method of PEFT 0.21.2"
    declared = f"{DECLARED} declares LORA"
    copied = "checkpoint-18/adapter_config.json says peft_type LORA"
    assert edit(peft_type="LORAX") == [finding(RULE, ERROR, says, CONFIG, "/peft_type", evidence=(declared,))]
    edits = {CONFIG: {"/peft_type": "LORAX"}}
    assert found(RULE, healthy(json_edits=edits)) == [
        finding(RULE, ERROR, says, CONFIG, "/peft_type", evidence=(declared, copied))
    ]
    assert found(RULE, healthy(json_edits=edits, without=[DECLARED])) == [
        finding(RULE, ERROR, says, CONFIG, "/peft_type", evidence=(copied,))
    ]


def test_fails_as_an_error_where_another_copy_of_the_run_has_no_such_value() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/lora_alpha": -16}})) == [
        finding(
            RULE,
            ERROR,
            "`lora_alpha` is -16, which turns every learned update around",
            CONFIG,
            "/lora_alpha",
            expected="above 0",
            observed="-16",
            evidence=("checkpoint-18/adapter_config.json says lora_alpha 16",),
        )
    ]


def test_fails_for_a_missing_method() -> None:
    says = "`peft_type` is missing, so PEFT cannot tell which method the file configures"
    assert edit(peft_type=DELETE) == [
        finding(RULE, ERROR, says, CONFIG, "/peft_type", expected="LORA", observed="no such key")
    ]


def test_fails_for_a_model_configuration_under_the_name() -> None:
    text = '{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rope_theta": 10000.0}'
    says = (
        "adapter_config.json holds the configuration of a whole model (`model_type` 'llama'), not of an adapter, so "
        "PEFT cannot load the folder"
    )
    assert found(RULE, healthy(text={CONFIG: text})) == [
        finding(
            RULE,
            ERROR,
            says,
            CONFIG,
            expected="an object with `peft_type`",
            observed="`architectures` and `model_type`, no `peft_type`",
            evidence=("cheetah-fine-tuning-config.json declares an adapter of rank 8",),
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"fine_tune_type": "lora", "lora_parameters": {"rank": 8}, "num_layers": 16, "r": "x"}',
        '{"model_class": "BertModelWithHeads", "hidden_size": 768, "model_type": "bert", "name": "sts"}',
    ],
)
def test_passes_files_of_other_programs(text: str) -> None:
    assert found(RULE, memory_snapshot("mlx", {CONFIG: text.encode()})) == []


def test_says_when_it_cannot_look() -> None:
    broken = healthy(text={CONFIG: '{"r": '})
    outcome = run_rule(RULE, broken)
    assert [(item.reason, item.where) for item in outcome.not_applicable] == [
        ("adapter_config.json was not read: unreadable", "")
    ]
    assert reasons(RULE, memory_snapshot("none", {"README.md": b"# A"})) == [
        "no adapter_config.json is in the repository"
    ]


@pytest.mark.parametrize(("key", "value"), [("layers_to_transform", [0]), ("layers_pattern", ["layers"])])
def test_fails_for_layers_beside_a_pattern_of_modules(key: str, value: object) -> None:
    (item,) = found(RULE, healthy(json_edits={"adapter_config.json": {f"/{key}": value}}))
    assert item.message == f"`{key}` is given, and PEFT refuses it while `target_modules` is a string"
    listed = {f"/{key}": value, "/target_modules": ["q_proj"]}
    assert found(RULE, healthy(json_edits={"adapter_config.json": listed})) == []


def test_fails_for_an_infinite_alpha() -> None:
    (item,) = found(RULE, healthy(json_edits={"adapter_config.json": {"/lora_alpha": float("inf")}}))
    assert (item.severity, item.message) == (ERROR, "`lora_alpha` is infinite")
