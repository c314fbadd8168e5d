from tests.builders.platforms import AUTOTRAIN, with_config
from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, declared, recipe_only, without_recipe
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "key-reaches-no-argument"
NO_SCALER = "mixed_precision says fp16, and no checkpoint holds the scaler.pt that fp16 writes"
ONE_ROW = (
    "1,024 tokens a step are 1 row of 1,024: the declared accumulation 4 was not applied, unless each step held 4 rows "
    "that average exactly 256 tokens"
)


def test_passes_keys_that_the_arguments_prove() -> None:
    # The honest file says log, scheduler and optimizer; training_args.bin holds the same values.
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "6 declared keys are not spelled as the trainer's arguments, and no file shows that they took effect: log, "
            "scheduler, optimizer, evaluation_strategy, mixed_precision and gradient_accumulation",
            CONFIG,
            expected="report_to, lr_scheduler_type, optim, eval_strategy, fp16 or bf16 and gradient_accumulation_steps",
            evidence=(
                'log "tensorboard": the trainer\'s name is report_to',
                'scheduler "linear": the trainer\'s name is lr_scheduler_type',
                'optimizer "adamw_torch": the trainer\'s name is optim',
                'evaluation_strategy "epoch": the trainer\'s name is eval_strategy',
                f'mixed_precision "fp16": the trainer\'s name is fp16 or bf16; {NO_SCALER}',
                f"gradient_accumulation 4: the trainer's name is gradient_accumulation_steps; {ONE_ROW}",
            ),
        )
    ]


def test_fails_for_one_key_without_proof() -> None:
    (only,) = found(RULE, recipe_only(log=None, scheduler=None))
    assert only.message == (
        "1 declared key is not spelled as the trainer's arguments, and no file shows that it took effect: optimizer"
    )
    assert only.expected == "optim"


def test_passes_a_misspelt_key_which_has_a_rule_of_its_own() -> None:
    assert found(RULE, declared(warmup_ration=0.2)) == []


def test_passes_platforms_whose_source_says_how_keys_are_translated() -> None:
    snapshot = with_config("training_params.json", {**AUTOTRAIN, "favourite_colour": "blue"})
    assert reasons(RULE, snapshot) == ["how AutoTrain translates its keys can be read in its source"]


def test_a_strange_key_fails_as_a_note_only() -> None:
    (only,) = found(RULE, declared(favourite_colour="blue"))
    assert only.severity is NOTE


def test_passes_an_unknown_key_that_arrived() -> None:
    assert found(RULE, declared(torch_compile=True))  # the honest arguments say False
    assert found(RULE, declared(log_level="passive")) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
