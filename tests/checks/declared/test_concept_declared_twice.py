from auditor.model import Finding
from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, declared, without_recipe
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "concept-declared-twice"
BATCH = f"{TRAIN}/per_device_train_batch_size"


def agreeing() -> Finding:
    return finding(
        RULE,
        NOTE,
        "3 settings are declared twice with the same meaning: text_column/dataset_text_field, "
        "gradient_checkpointing/disable_gc and max_length/block_size",
        CONFIG,
    )


def test_passes_with_a_note_where_the_values_agree() -> None:
    assert found(RULE, healthy()) == [agreeing()]


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "per_device_train_batch_size is 4 and batch_size is 2, and both mean per_device_train_batch_size",
            CONFIG,
            BATCH,
            expected="one key, or two that agree",
            observed=f"{BATCH} = 4; {TRAIN}/batch_size = 2",
            evidence=("checkpoint-450/trainer_state.json records train_batch_size 1",),
        ),
        agreeing(),
    ]


def test_fails_for_switches_that_disagree() -> None:
    # disable_gc says the opposite of gradient_checkpointing; both false is a conflict.
    first, second = found(RULE, declared(disable_gc=False))
    assert (
        first.message
        == "gradient_checkpointing is false and disable_gc is false, and both mean gradient_checkpointing"
    )
    assert first.evidence == ("training_args.bin says gradient_checkpointing false",)
    assert second.severity is NOTE


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
