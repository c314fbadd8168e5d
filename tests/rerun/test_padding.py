"""How rows were padded: the readings, those that the committed count of ids allows, and real runs padded so."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import Ledger
from auditor.engine._evidence import ledger_of
from auditor.model import (
    Alternative,
    Evidence,
    RerunPlan,
    RerunResult,
    Setting,
    Span,
    Status,
    Verdict,
    VersionRange,
)
from auditor.rerun.judging.gaps import Gap
from auditor.rerun.judging.padded import padded as excused
from auditor.rerun.judging.summary import Judged
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions
from auditor.rerun.outputs import Output, Outputs
from auditor.rerun.planning import padding
from auditor.rerun.planning.evaluation import loaded_step
from auditor.rerun.search import Search
from auditor.rerun.session import rerun
from auditor.rerun.trials import Trial
from tests.builders.pickles import make_training_args
from tests.rerun import tiny_llama
from tests.rerun import variants as v

DROPPED = Setting(0.1, "declared")
STEPS = 18


def known(**changed: Setting) -> dict[str, Setting]:
    """The fixture's settings with rows that are padded, an adapter that has dropout, and some others."""
    unpacked = {"packing": Setting(False, "declared"), "lora_dropout": DROPPED}
    return {**v.plan_of_fixture().settings, **unpacked, **changed}


def words(settings: Mapping[str, Setting]) -> list[str]:
    return [item.words for item in padding.readings(settings)]


def test_every_width_is_open_where_dropout_draws_for_pads() -> None:
    assumed = Setting("right", "choice", assumed=True)
    both = known(max_length=Setting(64, "declared"), padding_side=assumed)
    both["per_device_train_batch_size"] = Setting(2, "declared")
    found = list(padding.readings(both))
    assert [item.words for item in found] == [
        "pad_to_max_length = True",
        "pad_to_multiple_of = 8",
        "pad_to_multiple_of = 64",
        "padding_side = left",
    ]
    assert all(item.open for item in found)
    assert [padding.is_width(item) for item in found] == [True, True, True, False]
    assert padding.is_width(Alternative({"pad_to_max_length": True, "max_length": 9}, ""))
    assert not padding.is_width(Alternative({}, ""))
    for key, file in (("pad_to_max_length", "all"), ("pad_to_multiple_of", "8"), ("padding_side", "left")):
        told = words({**both, key: Setting(False, "config.json")})
        assert (
            told
            == {
                "all": [],
                "8": ["pad_to_max_length = True", "padding_side = left"],
                "left": ["pad_to_max_length = True", "pad_to_multiple_of = 8", "pad_to_multiple_of = 64"],
            }[file]
        )
        left = Setting("left", "choice", assumed=True)
        assert key != "padding_side" or words({**both, key: left}) == told
        bare = {name: setting for name, setting in both.items() if name != key}
        assert words(bare) == told
    alone = Setting(1, "declared")
    assert "padding_side = left" not in words({**both, "per_device_train_batch_size": alone})
    assert "pad_to_max_length = True" not in words({**both, "max_length": Setting(None, "x")})


@pytest.mark.parametrize(
    ("key", "value", "left"), [("lora_dropout", 0.0, False), ("packing", True, False), ("neftune", 5.0, True)]
)
def test_no_width_matters_where_nothing_is_drawn_for_pads(key: str, value: object, left: bool) -> None:
    """Masks cut pads off, packed rows have none; the noise of NEFTune is drawn for pads too."""
    settings = known(**{key: Setting(value, "declared")})
    if key == "neftune":
        settings |= {"lora_dropout": Setting(0.0, "x"), "neftune_noise_alpha": Setting(value, "x")}
    assert bool(words(settings)) is left


def test_a_declared_side_is_taken() -> None:
    """The fixture's declaration has ``padding: right``."""
    found = padding.settings(v.ledger_of(v.committed()))["padding_side"]
    place = "cheetah-fine-tuning-config.json#/tokenizer_parameters/padding"
    assert found == Setting("right", place)
    assert padding.settings(Ledger(".", {}))["padding_side"].assumed
    other = v.with_json(
        v.committed(),
        "cheetah-fine-tuning-config.json",
        lambda d: d["tokenizer_parameters"].update(padding="longest"),
    )
    assert padding.settings(v.ledger_of(other))["padding_side"].assumed


def flops(files: v.Files, ratio: float) -> v.Files:
    """Every total_flos times a ratio; the ids that a run counts are its flops over 6 x parameters."""
    for path in v.STATES:
        files = v.with_json(files, path, lambda d: d.update(total_flos=d["total_flos"] * ratio))
    return files


def output(shapes: Sequence[tuple[int, int]]) -> Output:
    """A rerun with the fixture's states, of whose every step these were the micro-batches."""
    return padded(v.committed(), shapes)


def plan(**changed: Setting) -> RerunPlan:
    return replace(v.plan_of_fixture(), settings=known(**changed))


def allowed(
    ratio: float, shapes: Sequence[tuple[int, int]], **changed: Setting
) -> list[dict[str, object]] | None:
    run = v.run_of(flops(v.committed(), ratio))
    found = padding.allowed(run, plan(**changed), output(shapes))
    return None if found is None else [dict(item.changes) for item in found]


FIFTEEN = [(1, 6), (1, 9)]
"""15 ids a step; rounded up to 8 they are 8 + 16 = 24, to 64 they are 128; as wide as the longest, 18."""


@pytest.mark.parametrize(
    ("ids", "changes"),
    [
        (15, []),
        (24, [{"pad_to_multiple_of": 8}, {"pad_to_max_length": True, "max_length": 12}]),
        (128, [{"pad_to_multiple_of": 64}, {"pad_to_max_length": True}]),
        (18, [{"pad_to_max_length": True, "max_length": 9}]),
        (40, [{"pad_to_max_length": True, "max_length": 20}]),
        (200, []),  # 100 wide, where rows are cut at 64
        (17, []),  # no width: the longest row has 9 ids
        (25, []),  # 12.5 wide
    ],
)
def test_only_widths_that_give_the_counted_ids_are_tried(ids: int, changes: list[dict[str, object]]) -> None:
    found = allowed(ids / 15, FIFTEEN, max_length=Setting(64, "declared"))
    assert found is not None
    assert sorted(found, key=str) == sorted(changes, key=str)


def test_a_release_that_counts_parameters_otherwise_still_tells() -> None:
    """0.4 % more: multiples are near enough, a width that follows from the count itself is not."""
    assert allowed(24 / 15 * 1.004, FIFTEEN) == [{"pad_to_multiple_of": 8}]


def test_without_a_count_nothing_is_told() -> None:
    assert padding.allowed(v.run_of(v.committed()), plan(), v.output(v.committed())) is None
    bare = v.without(v.committed(), "trainer_state.json")
    assert padding.allowed(v.run_of(bare), plan(), output(FIFTEEN)) is None


EIGHT = {"pad_to_multiple_of": 8}
ROUNDED = [(1, 8), (1, 16)]


def times_flops(state: dict[str, Any], ratio: float) -> None:
    state["total_flos"] *= ratio


def counted(at: Mapping[int, float], files: v.Files | None = None) -> v.Files:
    """The fixture, whose states count so many times the flops of the rerun's at step 9 and at step 18."""
    files = v.committed() if files is None else files
    for path in v.STATES:
        ratio = at[9 if "-9/" in path else 18]
        files = v.with_json(files, path, partial(times_flops, ratio=ratio))
    return files


def by_step(
    shapes: Callable[[int], Sequence[tuple[int, int]]], steps: Sequence[int] = range(1, STEPS + 1)
) -> Output:
    """A rerun with the fixture's states that drew these micro-batches."""
    lines = [{"step": step, "shapes": [list(item) for item in shapes(step)]} for step in steps]
    return v.output({**v.committed(), "rerun_steps.jsonl": "\n".join(map(json.dumps, lines)).encode()})


def changed(found: Sequence[Alternative] | None) -> list[dict[str, object]] | None:
    return None if found is None else [dict(item.changes) for item in found]


def test_a_width_has_to_give_the_ids_of_every_checkpoint() -> None:
    """15 ids a step until step 9, 24 after: rounded up, 216 and 432 where the rerun counts 135 and 351."""
    rerun = by_step(lambda step: FIFTEEN if step <= 9 else ROUNDED)
    told = {9: 216 / 135, 18: 432 / 351}
    # Nor 12 wide, which gives the ids: the rerun had a row of 16.
    assert changed(padding.allowed(v.run_of(counted(told)), plan(), rerun)) == [EIGHT]
    assert changed(padding.allowed(v.run_of(counted({**told, 9: 1.5})), plan(), rerun)) == []
    # Equal at one checkpoint only, the rerun's own count is not the run's.
    assert changed(padding.allowed(v.run_of(counted({9: 1.0, 18: 432 / 351})), plan(), rerun)) == []


def test_a_width_may_change_the_later_batches_alone() -> None:
    """Rows of the first half are multiples of 8 long by themselves, as the run's first checkpoint counts them."""
    rerun = by_step(lambda step: ROUNDED if step <= 9 else FIFTEEN)
    assert changed(padding.allowed(v.run_of(counted({9: 1.0, 18: 432 / 351})), plan(), rerun)) == [EIGHT]


def test_a_count_that_is_the_reruns_own_leaves_no_width_that_is_near() -> None:
    """Rounded up to 8 these rows have 0.3 % more ids, which another release's count of parameters could be."""
    shapes = [(1, 500), (1, 512), (1, 512)]
    assert allowed(1.0, shapes, max_length=Setting(None, "x")) == []
    assert EIGHT in (allowed(1.0001, shapes, max_length=Setting(None, "x")) or [])


def test_the_count_beside_the_best_weights_is_that_of_the_last_step() -> None:
    """The adapter is that of step 9, and the trainer_state.json beside it counts to step 18."""
    arguments = make_training_args({"load_best_model_at_end": True})
    files = counted({9: 216 / 135, 18: 432 / 351})
    files = {path: arguments if path.endswith("training_args.bin") else data for path, data in files.items()}
    for path in v.STATES:
        files = v.with_json(files, path, lambda d: d.update(best_model_checkpoint="out/checkpoint-9"))
    run = v.run_of(files)
    assert loaded_step(run) == 9
    rerun = by_step(lambda step: FIFTEEN if step <= 9 else ROUNDED)
    found = changed(padding.allowed(run, plan(), rerun))
    assert found is not None
    assert EIGHT in found


def test_a_part_that_goes_on_from_a_checkpoint_is_held_against_the_flops_since() -> None:
    """The checkpoint's own count may be anything: of what came after it the run has 24 ids for 15 of the rerun's."""
    since = 0.5 * 24 / 15  # half of the fixture's flops lie behind step 9
    resumed = replace(plan(), span="segments", parts=(Span(9, 18, "checkpoint-9"),))
    rerun = by_step(lambda _: FIFTEEN, range(10, 19))
    found = changed(padding.allowed(v.run_of(counted({9: 1.0, 18: 0.5 + since})), resumed, rerun))
    assert found is not None
    assert EIGHT in found
    assert changed(padding.allowed(v.run_of(counted({9: 1.0, 18: 24 / 15})), resumed, rerun)) == []


@pytest.mark.parametrize("gone", [9, 18])
def test_steps_without_shapes_are_not_counted(gone: int) -> None:
    """A child that was ended leaves no line; with the last one gone only the first checkpoint is counted."""
    steps = [step for step in range(1, STEPS + 1) if step != gone]
    run = v.run_of(counted({9: 24 / 15, 18: 24 / 15}))
    found = padding.allowed(run, plan(), by_step(lambda _: FIFTEEN, steps))
    assert (found is None) is (gone == 9)


@pytest.mark.parametrize("side", ["committed", "rerun"])
@pytest.mark.parametrize("edit", [{"total_flos": None}, {"total_flos": 0}, {"global_step": None}, None])
def test_what_one_side_does_not_count_is_not_compared(side: str, edit: dict[str, Any] | None) -> None:
    files = {"committed": v.committed(), "rerun": v.committed()}
    for path in v.STATES:
        if edit is None:
            del files[side][path]
        else:
            files[side] = v.with_json(files[side], path, partial(dict.update, **edit))
    run, rerun = v.run_of(files["committed"]), padded(files["rerun"], FIFTEEN)
    assert padding.allowed(run, plan(), rerun) is None
    assert not padding.agrees(run, plan(), rerun)


@pytest.mark.parametrize(
    ("ratio", "within"), [(1.0055, True), (1.0065, False), (0.9945, True), (0.993, False)]
)
def test_releases_count_parameters_less_than_six_in_a_thousand_apart(ratio: float, within: bool) -> None:
    assert allowed(24 / 15 * ratio, FIFTEEN) == ([EIGHT] if within else [])


def test_the_nearest_width_is_tried_first() -> None:
    """Rounded up to 64 three rows are 3 x 512 = 1536 ids, to 8 they are 1528, which is near enough, too."""
    found = allowed(1536 / 1524, [(1, 500), (1, 512), (1, 512)], max_length=Setting(None, "x"))
    assert found == [{"pad_to_multiple_of": 64}, {"pad_to_max_length": True, "max_length": 512}, EIGHT]


def test_a_width_beyond_what_anybody_pads_to_is_none() -> None:
    wide, endless = padding.WIDEST, Setting(None, "x")
    assert allowed(2 * wide / 15, FIFTEEN, max_length=endless) == []
    assert allowed(2 * (wide - 1) / 15, FIFTEEN, max_length=endless) == [
        {"pad_to_max_length": True, "max_length": wide - 1}
    ]


def test_the_counted_width_is_the_declared_length_or_below_it() -> None:
    fixed = {"pad_to_max_length": True}
    told = Setting(20, "declared")
    assert allowed(40 / 15, FIFTEEN, max_length=told) == [fixed]
    assert allowed(38 / 15, FIFTEEN, max_length=told) == [{**fixed, "max_length": 19}]
    assert allowed(42 / 15, FIFTEEN, max_length=told) == []
    bare = {key: setting for key, setting in known().items() if key != "max_length"}
    run = v.run_of(flops(v.committed(), 40 / 15))
    assert changed(padding.allowed(run, replace(plan(), settings=bare), output(FIFTEEN))) == []


@pytest.mark.parametrize("ratio", [math.inf, math.nan, 1e300, 1e6, -1.0, 0.0])
def test_counts_that_no_run_has_are_no_widths(ratio: float) -> None:
    """Nor does a file make a rerun train millions of ids wide."""
    assert not allowed(ratio, FIFTEEN, max_length=Setting(None, "x"))


def test_a_training_agrees_by_its_count_and_its_first_loss() -> None:
    run = v.run_of(v.committed())
    assert padding.agrees(run, plan(), output(FIFTEEN))
    assert not padding.agrees(v.run_of(flops(v.committed(), 1.1)), plan(), output(FIFTEEN))
    assert not padding.agrees(run, plan(), v.output(v.committed()))

    def louder(row: dict[str, Any]) -> None:
        if "loss" in row:
            row["loss"] *= 1.01

    other = v.run_of(v.with_log(v.committed(), v.STATES, louder))
    assert not padding.agrees(other, plan(), output(FIFTEEN))


@pytest.mark.parametrize(
    ("step", "times", "expected"), [(1, 1.0019, True), (1, 1.0021, False), (2, 1.5, True), (18, 1.5, True)]
)
def test_the_first_common_loss_decides_within_two_in_a_thousand(
    step: int, times: float, expected: bool
) -> None:
    def edit(row: dict[str, Any]) -> None:
        if row["step"] == step and "loss" in row:
            row["loss"] *= times

    run = v.run_of(v.with_log(v.committed(), v.STATES, edit))
    assert padding.agrees(run, plan(), output(FIFTEEN)) is expected


def test_a_training_without_a_common_loss_or_with_another_count_at_one_checkpoint_does_not_agree() -> None:
    def unlogged(row: dict[str, Any]) -> None:
        row.pop("loss", None)

    assert not padding.agrees(
        v.run_of(v.with_log(v.committed(), v.STATES, unlogged)), plan(), output(FIFTEEN)
    )
    assert not padding.agrees(v.run_of(counted({9: 1.1, 18: 1.0})), plan(), output(FIFTEEN))
    assert not padding.agrees(v.run_of(v.without(v.committed(), *v.STATES)), plan(), output(FIFTEEN))


def padded(files: v.Files, shapes: Sequence[tuple[int, int]], trial: Trial | None = None) -> Output:
    """A training that left these files and drew these micro-batches in every step."""
    lines = [{"step": step, "shapes": [list(item) for item in shapes]} for step in range(1, STEPS + 1)]
    steps = {"rerun_steps.jsonl": "\n".join(map(json.dumps, lines)).encode()}
    name, says = ("rerun", "") if trial is None else (trial.name, trial.says)
    return replace(v.output({**files, **steps}, name, says), trial=trial)


def searched(committed: v.Files) -> tuple[Search, Outputs]:
    """A search over a run that counts 24 ids a step, where the rerun drew 15 and its weights are 9 % away."""
    made = plan(max_length=Setting(None, "x"))
    made = replace(made, alternatives=(*padding.readings(made.settings), SEED))
    run = v.run_of(flops(committed, 24 / 15))
    search = Search(run, v.ledger_of(committed), made, RerunOptions(controls=False))
    return search, replace(v.outputs(), rerun=padded(v.scaled(v.committed(), 0.1), FIFTEEN))


SEED = Alternative({"seed": 3}, "seed = 3: no file says it", open=True)


def test_the_width_that_the_count_allows_is_tried_first() -> None:
    search, outputs = searched(v.committed())
    (trial,) = search(outputs)
    assert (trial.name, trial.changes) == ("width-1", EIGHT)
    outputs = outputs.more([padded(flops(v.committed(), 24 / 15), ROUNDED, trial)])
    assert search(outputs) == ()
    result = search.result(outputs)
    assert (result.verdict, result.nearest) == (Verdict.IDENTICAL, "identical with pad_to_multiple_of = 8")


def test_a_lie_behind_the_padding_is_held_against_the_width_that_was_counted() -> None:
    """Under multiples of 8 the count and the first loss agree, and the weights are 17 % away."""
    search, outputs = searched(v.scaled(v.committed(), 0.2))
    asked: list[Mapping[str, object]] = []
    while trials := search(outputs):
        asked.extend(trial.changes for trial in trials)
        outputs = outputs.more([padded(flops(v.committed(), 24 / 15), ROUNDED, trial) for trial in trials])
    assert asked == [
        EIGHT,
        {"pad_to_max_length": True, "max_length": 12},  # 24 ids in two rows, too
        {**EIGHT, "seed": 3},
    ]
    result = search.result(outputs)
    assert result.verdict is Verdict.DIVERGED
    assert "Taken: pad_to_multiple_of = 8, as the run counts its ids." in result.why
    assert "pad_to_multiple_of = 8, seed = 3" in [item.says for item in result.controls]
    untried = replace(outputs, hypotheses=outputs.hypotheses[:1])
    assert search.result(untried).verdict is Verdict.DIVERGED  # the fixture's moments are bit-equal
    files = v.scaled(v.committed(), 0.2)
    unlike, _ = searched({**files, **{path: v.moments(files[path], 0.2) for path in v.OPTIMIZERS}})
    result = unlike.result(untried)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "no file decides" in result.why


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RerunOptions]:
    """A run padded to a multiple of 8, which nothing tells."""
    from tests.rerun.scripts import unusual
    from tests.rerun.test_unusual_settings import DECLARED, rows

    folder = tmp_path_factory.mktemp("padded")
    untold = {**DECLARED, "tokenizer_parameters": {"max_length": 64, "add_eos_token": False}}
    data = rows(folder / "rows.jsonl")
    with pytest.MonkeyPatch.context() as patch, tiny_llama.as_in_a_child():
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        base = tiny_llama.make_base(folder / "base")
        unusual.train(str(base), str(data), str(folder / "eight"), {}, {}, multiple=8)
        (folder / "eight" / "cheetah-fine-tuning-config.json").write_text(json.dumps(untold))
    return folder, RerunOptions(base=base, data=data, controls=False, threads=1)


def files_of(folder: Path) -> v.Files:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def run_and_judge(files: v.Files, options: RerunOptions, cache: Path) -> tuple[Verdict, str | None, str]:
    from auditor.runs import group, read

    run = group(read(v.snapshot(files)), None)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIT_CACHE_DIR", str(cache))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        result = rerun(run, ledger_of(run)[0], options)
    return result.verdict, result.nearest, result.why


@pytest.mark.rerun
def test_a_run_that_was_padded_otherwise_is_made_again(
    lab: tuple[Path, RerunOptions], tmp_path: Path
) -> None:
    folder, options = lab
    words = "pad_to_multiple_of = 8"
    honest = files_of(folder / "eight")
    assert run_and_judge(honest, options, tmp_path) == (
        Verdict.IDENTICAL,
        f"identical with {words}",
        f"The recipe makes what was committed, bit for bit, over the whole run. With {words}, which no file decides.",
    )


def without_dropout(ratio: float, **changed: Setting) -> RerunResult:
    """A run of the rerun's release, whose adapter has no dropout, and which counts so many times the rerun's ids."""
    run, none = v.run_of(counted({9: ratio, 18: ratio})), Setting(0.0, "declared")
    exact = VersionRange("5.23.0", "5.23.0")
    release = Evidence("transformers_version", Status.VERIFIED, "by its files", value=exact)
    ledger = Ledger(".", {}).with_evidence((release,))
    made = replace(plan(lora_dropout=none, **changed), total_steps=STEPS)
    files = v.committed()
    lines = [{"step": step, "shapes": [list(item) for item in FIFTEEN]} for step in range(1, STEPS + 1)]
    files["rerun_steps.jsonl"] = "\n".join(map(json.dumps, lines)).encode()
    return judge(run, ledger, made, v.outputs(files))


def test_pads_that_nothing_draws_for_change_the_count_alone() -> None:
    """Rounded up to 8 the rows of 6 and 9 are 24 ids for 15, under which the adapter is the same bit for bit."""
    result = without_dropout(24 / 15)
    assert result.verdict is Verdict.IDENTICAL
    (first, *_) = [item for item in result.aspects if item.aspect == "flops" and item.at in v.STATES]
    assert first.verdict is Verdict.INCONCLUSIVE
    assert first.why.endswith(
        "; but with pad_to_multiple_of = 8 the batches hold as many ids, and no file says how rows were padded"
    )


def test_every_count_of_pads_is_open_and_no_other_difference() -> None:
    run, made = v.run_of(counted({9: 24 / 15, 18: 24 / 15})), plan(lora_dropout=Setting(0.0, "declared"))
    seen = ("num_input_tokens_seen",)
    gaps = [
        Gap("tokens", "", "a", "", 18, distance=0.6, ratio=1.6),
        Gap("state", "", "a", "", 18, distance=math.inf, counters=seen),
        Gap("state", "", "a", "", 18, distance=math.inf, counters=(*seen, "epoch")),
        Gap("curve", "loss", "a", "", 18, distance=0.6, ratio=1.6),
    ]
    judged = [Judged(gap, Verdict.DIVERGED, "", 0.0, None) for gap in gaps]
    found = excused(judged, run, made, output(FIFTEEN))
    assert [item.verdict is Verdict.DIVERGED for item in found] == [False, False, True, True]
    assert excused(judged, run, plan(), output(FIFTEEN)) == judged, "dropout draws for pads"


@pytest.mark.parametrize(
    ("ratio", "changed"),
    [
        (24 / 15 * 1.001, {}),
        (1.7, {}),
        (0.8, {}),
        (24 / 15, {"pad_to_multiple_of": Setting(None, "a collator's file")}),
        (24 / 15, {"packing": Setting(True, "declared")}),
    ],
    ids=["nearly", "no width", "fewer", "told", "packed"],
)
def test_a_count_that_no_width_gives_is_another_training(ratio: float, changed: dict[str, Setting]) -> None:
    result = without_dropout(ratio, **changed)
    found = {item.aspect for item in result.aspects if item.verdict is Verdict.DIVERGED}
    assert (result.verdict, found) == (Verdict.DIVERGED, {"flops"})
