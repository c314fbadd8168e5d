"""A part of the recipe that no file says excuses a difference, until something that training computes agrees."""

import math
from dataclasses import replace

import pytest

from auditor.model import RerunPlan, Verdict
from auditor.recipes._base import Recipe
from auditor.rerun.judging.gaps import Gap
from auditor.rerun.judging.summary import Judged
from auditor.rerun.judging.unsaid import excused
from tests.builders.pickles import make_training_args
from tests.rerun import variants as v

FAR = (1e-5, 1e-6)
"""Limit and floor."""


def judged(aspect: str, distance: float, key: str = "", points: tuple[tuple[int, float], ...] = ()) -> Judged:
    gap = Gap(aspect, key, "a file", "it differs", 12, distance=distance, points=points)
    return Judged(gap, Verdict.DIVERGED if distance > 1e-5 else Verdict.EQUIVALENT, "outside", *FAR)


def plan(*unsaid: str) -> RerunPlan:
    known = v.plan_of_fixture()
    open_ones = {key: replace(known.settings[key], assumed=True) for key in unsaid}
    return replace(known, settings={**known.settings, **open_ones})


WEIGHTS = judged("weights", 0.5)
LOSS = judged("curve", 0.1, "loss", ((1, 0.02), (2, 0.1)))
LATER = judged("curve", 0.1, "loss", ((1, 1e-8), (2, 0.1)))
NORM = judged("curve", 0.1, "grad_norm", ((1, 1e-8), (2, 0.1)))
DRAWN = judged("curve", 0.1, "grad_norm", ((1, 0.02), (2, 0.1)))
RATE = judged("curve", 0.1, "learning_rate", ((1, 0.1),))
SHAPE = judged("weights", math.inf)
SCHEDULER = judged("scheduler", math.inf)
ROWS = ("max_length", "block_size")


def verdicts(gaps: list[Judged], *unsaid: str) -> list[Verdict]:
    return [item.verdict for item in excused(gaps, plan(*unsaid))]


def test_a_recipe_that_says_everything_excuses_nothing() -> None:
    assert set(verdicts([WEIGHTS, LOSS, RATE])) == {Verdict.DIVERGED}


@pytest.mark.parametrize("key", ["learning_rate", "gradient_accumulation_steps", "seed"])
def test_an_argument_that_no_file_says_excuses_everything(key: str) -> None:
    found = excused([WEIGHTS, LOSS, RATE, SCHEDULER], plan(key))
    assert {item.verdict for item in found} == {Verdict.INCONCLUSIVE}
    assert found[0].why == f"it differs; but no file says {key}, so the recipe itself is not known"


@pytest.mark.parametrize("agreeing", [judged("weights", 0.0), judged("curve", 0.0, "loss", ((1, 0.0),))])
def test_what_training_computes_and_agrees_proves_the_assumptions(agreeing: Judged) -> None:
    kept = verdicts([agreeing, judged("optimizer", 0.3)], "learning_rate", *ROWS)
    assert kept == [Verdict.EQUIVALENT, Verdict.DIVERGED]


def test_unknown_rows_excuse_what_depends_on_them() -> None:
    assert verdicts([WEIGHTS, LOSS, RATE, SCHEDULER, SHAPE], *ROWS) == [
        *(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        *(Verdict.DIVERGED, Verdict.DIVERGED, Verdict.DIVERGED),
    ]
    assert verdicts([WEIGHTS], *ROWS) == [Verdict.INCONCLUSIVE]


def test_a_beginning_that_agrees_shows_how_rows_became_examples() -> None:
    assert set(verdicts([WEIGHTS, LATER, NORM], *ROWS)) == {Verdict.DIVERGED}


@pytest.mark.parametrize("norm", [[DRAWN], []])
def test_a_first_loss_alone_shows_neither_padding_nor_draws(norm: list[Judged]) -> None:
    """lora_B is zero at step 1: the loss is the base's, the norm depends on lora_A and on dropout's masks."""
    assert set(verdicts([WEIGHTS, LATER, *norm], *ROWS)) == {Verdict.INCONCLUSIVE}


def test_a_script_with_an_optimizer_of_its_own_excuses_what_that_steps() -> None:
    """LoRA+: the arguments hold one rate, and optimizer.pt groups that the Trainer never makes."""
    groups = replace(judged("optimizer", math.inf).gap, regrouped="groups of 8 and 8 parameters")
    own = Judged(groups, Verdict.DIVERGED, "outside", *FAR)
    agreeing = judged("curve", 0.0, "loss", ((1, 0.0),))
    gaps = [own, WEIGHTS, LATER, RATE, SCHEDULER, SHAPE, judged("rng", math.inf), agreeing]
    found = excused(gaps, plan())
    assert [item.verdict for item in found] == [
        *([Verdict.INCONCLUSIVE] * 5),
        *(Verdict.DIVERGED, Verdict.DIVERGED, Verdict.INCONCLUSIVE),
    ]
    assert found[1].why == (
        "it differs; but a file has groups of 8 and 8 parameters, so the script made its own optimizer, "
        "whose rates and decays no argument tells"
    )
    platform = excused(gaps, plan(), Recipe("a.json", "cheetah", settings={}))
    assert {item.verdict for item in platform} == {Verdict.DIVERGED, Verdict.EQUIVALENT}


def test_a_platform_with_templates_of_its_own_makes_other_examples() -> None:
    recipe = Recipe("a.yaml", "LLaMA-Factory", settings={})
    found = excused([WEIGHTS, LOSS, RATE], plan(), recipe)
    assert [item.verdict for item in found] == [
        *(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.DIVERGED),
    ]
    assert "LLaMA-Factory makes examples of rows by templates and masks of its own" in found[0].why
    assert excused([WEIGHTS, LATER, NORM], plan(), recipe)[0].verdict is Verdict.DIVERGED


def test_a_platform_is_known_by_the_class_of_its_arguments_too() -> None:
    """ms-swift's arguments name a length, and its yaml is seldom published: templates and masks are still its own."""
    swift = make_training_args({"max_length": 48}, "swift.trainers.arguments.Seq2SeqTrainingArguments")
    files = v.without(v.committed(), "cheetah-fine-tuning-config.json")
    run = v.run_of({**files, "training_args.bin": swift})
    assert (run.recipe, run.platform) == (None, "ms-swift")
    found = excused([WEIGHTS, LOSS], plan(), run.recipe, platform=run.platform)
    assert {item.verdict for item in found} == {Verdict.INCONCLUSIVE}
    assert "ms-swift makes examples of rows by templates and masks of its own" in found[0].why
    assert excused([WEIGHTS, LOSS], plan(), platform="transformers Trainer") == [WEIGHTS, LOSS]


def test_a_length_that_is_said_says_it_too() -> None:
    assert verdicts([WEIGHTS, LOSS], "max_length") == [Verdict.DIVERGED, Verdict.DIVERGED]


def test_the_users_own_script_knows_what_no_file_says() -> None:
    known = plan("learning_rate", *ROWS)
    trainer = replace(known.settings["learning_rate"], value="command")
    mine = replace(known, settings={**known.settings, "trainer": trainer})
    assert [item.verdict for item in excused([WEIGHTS, LOSS], mine)] == [Verdict.DIVERGED, Verdict.DIVERGED]


def with_flops(ratio: float, *gaps: Judged) -> list[Judged]:
    flops = Gap("flops", "", "a file", "it differs", 12, distance=math.inf, ratio=ratio)
    return [*gaps, Judged(flops, Verdict.DIVERGED, "outside", *FAR)]


def unpacked(dropout: float = 0.05, *, packing: bool = False) -> RerunPlan:
    known = plan()
    changed = {"lora_dropout": dropout, "packing": packing}
    settings = {key: replace(known.settings[key], value=value) for key, value in changed.items()}
    return replace(known, settings={**known.settings, **settings})


def test_pads_that_total_flos_counts_explain_what_dropout_drew_for_them() -> None:
    """The first loss is computed while lora_B is 0, whatever dropout draws; rates and counters need no batch."""
    found = excused(with_flops(1.25, WEIGHTS, LATER, RATE, SCHEDULER), unpacked())
    assert [item.verdict for item in found] == [
        *(Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.DIVERGED, Verdict.DIVERGED),
        Verdict.INCONCLUSIVE,
    ]
    assert found[0].why.startswith("it differs; but the run counts 1.25 times the ids of the rerun's batches")


@pytest.mark.parametrize(
    ("gaps", "known"),
    [
        (with_flops(1.25, WEIGHTS, LOSS), unpacked()),  # the first loss differs: pads do not explain it
        (with_flops(1.004, WEIGHTS, LATER), unpacked()),  # parameters counted otherwise, not ids
        (with_flops(0.8, WEIGHTS, LATER), unpacked()),
        (with_flops(1.25, WEIGHTS, LATER), unpacked(0.0)),
        (with_flops(1.25, WEIGHTS, LATER), unpacked(packing=True)),
        ([WEIGHTS, LATER], unpacked()),
    ],
)
def test_pads_explain_nothing_else(gaps: list[Judged], known: RerunPlan) -> None:
    assert {item.verdict for item in excused(gaps, known)} == {Verdict.DIVERGED}


def test_an_order_that_no_file_tells_excuses_what_rows_decide_unless_the_first_loss_agrees() -> None:
    gaps = [WEIGHTS, LOSS, RATE]
    found = excused(gaps, plan(), ordered=False)
    assert [item.verdict for item in found] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.DIVERGED]
    assert found[0].why == "it differs; but the order of rows is told by no file"
    assert excused(gaps, plan(), ordered=True) == gaps
    assert excused([WEIGHTS, LATER], plan(), ordered=False) == [WEIGHTS, LATER]


def test_rows_and_their_order_may_both_be_untold() -> None:
    (found,) = excused([WEIGHTS], plan(*ROWS), ordered=False)
    assert found.why == (
        "it differs; but no file says how rows became examples, the order of rows is told by no file, and no first "
        "loss and gradient norm show that it was as assumed"
    )
