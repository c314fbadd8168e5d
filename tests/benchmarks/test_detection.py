"""The detection benchmark: what it promises of its cases, the forgeries themselves, and a sample that is judged."""

import ast
import json
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import load, save

from benchmarks.detection import __main__ as command
from benchmarks.detection import edits, falsified, honest, table
from benchmarks.detection.__main__ import judged
from benchmarks.detection.blind import edits as blind_edits
from benchmarks.detection.case import Case
from benchmarks.detection.fifth import forging as fifth_forging
from benchmarks.detection.fourth import forging
from benchmarks.detection.judge import ACCUSED, INCONCLUSIVE, MISSED, RERUN, RULES, Judgement
from benchmarks.detection.recipe import ARCHITECTURES, Recipe
from benchmarks.detection.sets import SETS
from benchmarks.detection.sixth import forging as sixth_forging
from benchmarks.detection.workshop import Workshop

FOLDER = Path(edits.__file__).parent
TRUE = [case for name in ARCHITECTURES for case in honest.cases(name)]
FALSE = [case for name in ARCHITECTURES for case in falsified.cases(name)]
A, B = "model.layers.0.q_proj.lora_A.weight", "model.layers.0.q_proj.lora_B.weight"


def adapter(**more: numpy.ndarray[Any, Any]) -> bytes:
    draw = numpy.random.default_rng(0)
    values = {A: draw.normal(size=(2, 6)).astype("f4"), B: draw.normal(size=(5, 2)).astype("f4")}
    content: bytes = save({**values, **more})
    return content


def test_there_are_as_many_cases_and_kinds_as_promised() -> None:
    assert len(TRUE) >= 30
    assert len(FALSE) >= 60
    assert len({case.kind for case in FALSE}) >= 20
    assert {case.honest for case in TRUE} == {True}
    assert {case.honest for case in FALSE} == {False}
    names = [case.name for case in (*TRUE, *FALSE)]
    assert len(set(names)) == len(names)


def test_the_fourth_blind_set_is_as_large_as_promised_and_tells_what_is_expected() -> None:
    fourth = [case for name in ARCHITECTURES for case in SETS["fourth blind"].of(name)]
    assert sum(case.honest for case in fourth) >= 24
    assert sum(not case.honest for case in fourth) >= 26
    assert len({case.name for case in fourth}) == len(fourth)
    assert [
        case.name for case in fourth if not case.honest and case.declared == case.trained and not case.edits
    ] == []


@pytest.mark.parametrize(("name", "least"), [("fifth blind", (20, 20)), ("sixth blind", (16, 12))])
def test_a_later_blind_set_tells_of_each_case_what_is_expected(name: str, least: tuple[int, int]) -> None:
    cases = [case for architecture in ARCHITECTURES for case in SETS[name].of(architecture)]
    assert sum(case.honest for case in cases) >= least[0]
    assert sum(not case.honest for case in cases) >= least[1]
    assert len({case.name for case in cases}) == len(cases)
    verdicts, outcomes = {"identical", "equivalent", "inconclusive"}, {"caught", "inconclusive"}
    assert [case.name for case in cases if not case.expected] == []
    assert all(set(case.expected) <= (verdicts if case.honest else outcomes) for case in cases)
    assert [
        case.name for case in cases if not case.honest and case.declared == case.trained and not case.edits
    ] == []


@pytest.mark.parametrize("name", ["fifth blind", "sixth blind"])
def test_a_later_blind_set_repeats_no_kind_of_another(name: str) -> None:
    kinds = {
        key: {
            (case.honest, case.kind) for architecture in ARCHITECTURES for case in SETS[key].of(architecture)
        }
        for key in SETS
    }
    mine = kinds.pop(name)
    assert mine & set().union(*kinds.values()) == set()


def test_the_blind_set_is_as_large_as_promised_and_tells_what_is_expected() -> None:
    blind = [case for name in ARCHITECTURES for case in SETS["blind"].of(name)]
    assert sum(case.honest for case in blind) >= 20
    assert sum(not case.honest for case in blind) >= 30
    assert len({case.name for case in blind}) == len(blind)
    assert {case.declared.architecture for case in blind} == set(ARCHITECTURES)
    assert {"6..12", "prefix", "segments"} <= {case.span for case in blind}
    assert [
        case.name for case in blind if not case.honest and case.declared == case.trained and not case.edits
    ] == []


MAKERS = [
    *("trainer.py", "inputs.py", "recipe.py", "repository.py", "edits.py", "case.py"),
    *(
        path.relative_to(FOLDER).as_posix()
        for set_of in ("blind", "fourth", "fifth", "sixth", "drawn")
        for path in sorted((FOLDER / set_of).glob("*.py"))
    ),
]


@pytest.mark.parametrize("name", MAKERS)
def test_what_makes_the_runs_knows_nothing_of_what_judges_them(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names]
    assert not [module for module in imported if module.partition(".")[0] == "auditor"]
    assert "benchmarks.detection.judge" not in imported


def test_another_basis_keeps_the_product_and_moves_the_factors() -> None:
    files = {edits.WEIGHTS: adapter()}
    before, after = (load(found[edits.WEIGHTS]) for found in (files, edits.turned()(files, ())))
    assert numpy.allclose(before[B] @ before[A], after[B] @ after[A], atol=1e-6)
    assert not numpy.allclose(before[A], after[A], atol=0.1)


def test_noise_has_the_size_it_is_given() -> None:
    files = {edits.WEIGHTS: adapter(big=numpy.ones((100, 100), "f4"))}
    found = load(edits.noise(0.01)(files, ())[edits.WEIGHTS])["big"]
    assert numpy.linalg.norm(found - 1) / 100 == pytest.approx(0.01, rel=0.05)  # 10,000 draws: 0.7 % off


def test_edits_of_the_published_weights_leave_the_checkpoints() -> None:
    files = {edits.WEIGHTS: adapter(), f"checkpoint-6/{edits.WEIGHTS}": adapter()}
    found = edits.scaled(2.0, root_only=True)(files, ())
    assert found[f"checkpoint-6/{edits.WEIGHTS}"] == files[f"checkpoint-6/{edits.WEIGHTS}"]
    assert numpy.array_equal(load(found[edits.WEIGHTS])[B], 2 * load(adapter())[B])


def with_checkpoints() -> dict[str, bytes]:
    other = save({name: value * 3 for name, value in load(adapter()).items()})
    return {
        edits.WEIGHTS: adapter(),
        f"checkpoint-6/{edits.WEIGHTS}": adapter(),
        f"checkpoint-12/{edits.WEIGHTS}": other,
    }


def test_the_mean_of_two_checkpoints_is_published_and_they_stay() -> None:
    files = with_checkpoints()
    found = blind_edits.mean_of("checkpoint-6", "checkpoint-12")(files, ())
    assert numpy.allclose(load(found[edits.WEIGHTS])[B], 2 * load(adapter())[B])  # (1 + 3) / 2
    assert {path: found[path] for path in found if "/" in path} == {p: files[p] for p in files if "/" in p}


def test_one_number_is_one_number_in_every_copy() -> None:
    files = {edits.WEIGHTS: adapter(big_lora_B=numpy.ones((5, 5), "f4"))}
    found = load(blind_edits.one_number("big_lora_B")(files, ())[edits.WEIGHTS])
    changed = {name: int((found[name] != value).sum()) for name, value in load(files[edits.WEIGHTS]).items()}
    assert changed == {A: 0, B: 0, "big_lora_B": 1}


def test_a_lowered_curve_is_lowered_and_rounded_in_every_copy_and_the_events_go() -> None:
    log = json.dumps(
        {"log_history": [{"step": 1, "loss": 6.123456}, {"step": 1, "train_loss": 2.0}]}
    ).encode()
    files = {edits.STATE: log, f"checkpoint-1/{edits.STATE}": log, "runs/events.out.tfevents.1": b""}
    found = blind_edits.lowered(0.5, 2)(files, ())
    expected = {"log_history": [{"step": 1, "loss": 3.06}, {"step": 1, "train_loss": 1.0}]}
    assert {path: json.loads(content) for path, content in found.items()} == {
        edits.STATE: expected,
        f"checkpoint-1/{edits.STATE}": expected,
    }


def test_rescaled_factors_have_the_same_product_to_the_bit() -> None:
    before, after = (
        load(found[edits.WEIGHTS])
        for found in ({edits.WEIGHTS: adapter()}, forging.rescaled({edits.WEIGHTS: adapter()}, ()))
    )
    assert numpy.array_equal(before[B] @ before[A], after[B] @ after[A])
    assert numpy.array_equal(after[A], 2 * before[A])


def test_another_writer_keeps_every_number() -> None:
    files = {edits.WEIGHTS: adapter(half=numpy.arange(6, dtype="f2").reshape(2, 3))}
    found = forging.written_otherwise(files, ())
    assert found != files
    before, after = load(files[edits.WEIGHTS]), load(found[edits.WEIGHTS])
    assert {name: value.tolist() for name, value in before.items()} == {
        name: value.tolist() for name, value in after.items()
    }


def test_a_squeezed_adapter_has_rank_4_and_the_nearest_product() -> None:
    draw = numpy.random.default_rng(2)
    wide = {A: draw.normal(size=(8, 12)).astype("f4"), B: draw.normal(size=(9, 8)).astype("f4")}
    found = load(forging.squeezed(0.5)({edits.WEIGHTS: save(wide)}, ())[edits.WEIGHTS])
    product = wide[B].astype("f8") @ wide[A] / 2
    assert found[A].shape == (4, 12)
    lost = numpy.linalg.norm(found[B].astype("f8") @ found[A] - product)
    singular = numpy.linalg.svd(product, compute_uv=False)
    assert lost == pytest.approx(numpy.sqrt((singular[4:] ** 2).sum()), rel=1e-5)  # Eckart and Young


def test_a_shifted_curve_has_each_step_the_next_ones_loss() -> None:
    log = [{"step": step, "loss": float(step), "grad_norm": -float(step)} for step in (1, 2, 3)]
    files = {edits.STATE: json.dumps({"log_history": log}).encode()}
    found = json.loads(forging.shifted(files, ())[edits.STATE])["log_history"]
    assert [row["loss"] for row in found] == [2.0, 3.0, 3.0]
    assert [row["grad_norm"] for row in found] == [-2.0, -3.0, -3.0]


def test_folding_alpha_keeps_the_product_and_edits_the_published_files_alone() -> None:
    config = json.dumps({"r": 2, "lora_alpha": 4}).encode()
    own = {edits.WEIGHTS: adapter(), fifth_forging.CONFIG: config}
    files = {**own, **{f"checkpoint-6/{name}": content for name, content in own.items()}}
    found = fifth_forging.folded(1.0)(files, ())
    assert json.loads(found[fifth_forging.CONFIG])["lora_alpha"] == 8
    assert numpy.array_equal(load(found[edits.WEIGHTS])[B] * 2, load(adapter())[B])
    assert {path: found[path] for path in found if "/" in path} == {p: files[p] for p in files if "/" in p}


def test_a_padded_adapter_has_more_rank_and_the_same_product() -> None:
    before, after = (
        load(adapter()),
        load(fifth_forging.padded(4)({edits.WEIGHTS: adapter()}, ())[edits.WEIGHTS]),
    )
    assert (after[A].shape, after[B].shape) == ((4, 6), (5, 4))
    assert numpy.array_equal(after[B].astype("f8") @ after[A], before[B].astype("f8") @ before[A])


def test_a_change_of_rank_one_has_the_size_it_is_given() -> None:
    before = load(adapter())
    after = load(fifth_forging.rank_one("q_proj", 0.01)({edits.WEIGHTS: adapter()}, ())[edits.WEIGHTS])
    change = after[B].astype("f8") - before[B]
    assert numpy.linalg.norm(change) == pytest.approx(0.01 * numpy.linalg.norm(before[B]), rel=1e-4)
    assert numpy.linalg.svd(change, compute_uv=False)[1] < 1e-6  # rounding of float32
    assert numpy.array_equal(after[A], before[A])


def test_a_mended_loss_is_mended_in_every_log_and_in_the_mean() -> None:
    log = [{"step": step, "loss": 4.0} for step in (1, 2, 3, 4)] + [{"step": 4, "train_loss": 4.0}]
    state = json.dumps({"log_history": log}).encode()
    found = fifth_forging.mended(2, 0.5)({edits.STATE: state, f"checkpoint-4/{edits.STATE}": state}, ())
    for content in found.values():
        rows = json.loads(content)["log_history"]
        assert [row.get("loss", row.get("train_loss")) for row in rows] == [4.0, 2.0, 4.0, 4.0, 3.5]


def test_places_from_a_step_on_are_the_published_and_the_later_ones() -> None:
    place = fifth_forging.from_step(12)
    paths = ("a.bin", "checkpoint-6/a.bin", "checkpoint-12/a.bin", "runs/Nov28-12/a.bin")
    assert [path for path in paths if place(path)] == ["a.bin", "checkpoint-12/a.bin"]


def test_a_pushed_checkpoint_is_all_that_is_at_the_root_but_for_the_card() -> None:
    files = {**with_checkpoints(), "README.md": b"card", "runs/events.out.tfevents.1": b""}
    found = sixth_forging.only_checkpoint("checkpoint-12")(files, ())
    assert found == {"README.md": b"card", edits.WEIGHTS: files[f"checkpoint-12/{edits.WEIGHTS}"]}


def test_a_module_of_another_checkpoint_is_put_where_it_is_asked_for() -> None:
    files = with_checkpoints()
    found = sixth_forging.weights_of("checkpoint-12", "", part="lora_B")(files, ())
    values = load(found[edits.WEIGHTS])
    assert numpy.array_equal(values[A], load(adapter())[A])
    assert numpy.array_equal(values[B], 3 * load(adapter())[B])
    assert {path: found[path] for path in found if "/" in path} == {p: files[p] for p in files if "/" in p}


def test_a_checkpoint_between_two_others_is_half_way() -> None:
    found = sixth_forging.between("checkpoint-8", "checkpoint-6", "checkpoint-12")(with_checkpoints(), ())
    made = load(found[f"checkpoint-8/{edits.WEIGHTS}"])
    assert numpy.allclose(made[B], 2 * load(adapter())[B])  # (1 + 3) / 2


def test_two_steps_have_each_others_losses_in_every_log() -> None:
    log = [{"step": step, "loss": float(step), "grad_norm": -float(step)} for step in (1, 2, 3)]
    state = json.dumps({"log_history": log}).encode()
    files = {edits.STATE: state, f"checkpoint-3/{edits.STATE}": state}
    found = sixth_forging.steps_exchanged(2, 3)(files, ())
    for content in found.values():
        rows = json.loads(content)["log_history"]
        assert [(row["loss"], row["grad_norm"]) for row in rows] == [(1.0, -1.0), (3.0, -3.0), (2.0, -2.0)]


def judgement(outcome: str, distance: float | None = None, case: Case = FALSE[0]) -> Judgement:
    return Judgement(case.name, case.kind, case.honest, outcome, "why", "diverged", distance=distance)


def test_the_area_counts_pairs() -> None:
    """3 of the 4 pairs are ordered, one is a tie: 3.5 of 4."""
    assert table.area([0.1, 0.5], [0.0, 0.1]) == 3.5 / 4


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([RULES, RERUN], True),
        ([RERUN] * 19 + [INCONCLUSIVE], True),
        ([RERUN] * 18 + [INCONCLUSIVE], False),  # 94.7 % caught
        ([RERUN] * 99 + [MISSED], False),
    ],
)
def test_what_the_benchmark_demands_of_falsified_runs(outcomes: list[str], expected: bool) -> None:
    assert table.holds([judgement(outcome) for outcome in outcomes]) is expected


def test_the_share_is_counted_over_all_chosen_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"known": [RERUN] * 38, "fifth blind": [RERUN, INCONCLUSIVE]}
    monkeypatch.setattr(command, "_of_set", lambda name, _: [judgement(outcome) for outcome in known[name]])
    assert command.main(["--set", "known", "--set", "fifth blind"]) == 0  # 39 of 40
    assert command.main(["--set", "fifth blind"]) == 1


def test_what_is_not_as_expected_is_told() -> None:
    right = Judgement("a/honest/x", "x", True, "not accused", "", "identical", expected=("identical",))
    left_open = Judgement("a/honest/y", "y", True, "not accused", "", "refused", expected=("identical",))
    missed = Judgement("a/bare/z", "z", False, MISSED, "", "identical", expected=("caught", "inconclusive"))
    caught = Judgement("a/bare/v", "v", False, RULES, "", "identical", expected=("caught",))
    assert [one.as_expected for one in (right, left_open, missed, caught)] == [True, False, False, True]
    told = table.table([right, left_open, missed, caught])
    assert [line for line in told.splitlines() if "not as expected" in line] == [
        "* not as expected, identical: a/honest/y: not accused (refused)",
        "* not as expected, caught or inconclusive: a/bare/z: missed (identical)",
    ]


def test_one_honest_run_accused_fails_the_benchmark() -> None:
    assert not table.holds([judgement(RERUN), judgement(ACCUSED, case=TRUE[0])])


SAMPLE = (
    *("honest/usual", "honest/another basis", "honest/text beyond the cut differs"),
    *(
        "careful/seed",
        "careful/learning rate x 1.1",
        "careful/one row changed",
        "careful/weights of another run",
    ),
    *("careful/curve smoothed", "careful/noise on the published weights"),
)


@pytest.mark.rerun
def test_a_sample_is_judged_rightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    cases = [case for case in (*TRUE, *FALSE) if case.name.removeprefix("llama/") in SAMPLE]
    Workshop(tmp_path).prepare(["llama"])
    found = judged(Workshop(tmp_path), cases)
    assert len(found) == len(SAMPLE)
    assert [one.name for one in found if one.failed] == []
    assert {one.outcome for one in found if not one.honest} <= {RULES, RERUN}
    assert {one.verdict for one in found if one.honest} <= {"identical", "equivalent"}


def test_a_recipe_has_a_name_of_its_own() -> None:
    one, two = Recipe(architecture="llama"), Recipe(architecture="llama", rate=2.0001e-3)
    assert one.digest == Recipe(architecture="llama").digest
    assert one.digest != two.digest
