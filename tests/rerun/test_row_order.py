"""The order of rows: what files tell of it, which other orders are readings, and how the child draws them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from auditor.claims import Ledger, build
from auditor.model import Alternative, Evidence, RerunPlan, Setting, Span, Status, VersionRange
from auditor.rerun.child.rows import order
from auditor.rerun.planning import extras
from auditor.rerun.planning.row_order import is_order, is_told, of_run, readings, usual_seeds
from auditor.rerun.probes import first_logged
from tests.builders.pickles import make_training_args
from tests.rerun import tiny_llama
from tests.rerun import variants as v

PROJECT = Path(__file__).resolve().parents[2]
CHEETAH = "cheetah-fine-tuning-config.json"


def arguments(**values: object) -> v.Files:
    """The fixture without its events, with training_args.bin of these values alone."""
    files = v.without(v.committed(), v.event_path())
    made = make_training_args(values)
    return {path: made if path.endswith("training_args.bin") else data for path, data in files.items()}


def known(files: v.Files | None = None, **changed: Setting) -> dict[str, Setting]:
    plan = v.plan_of_fixture().settings
    return {**plan, **({} if files is None else of_run(v.run_of(files))), **changed}


def found(settings: dict[str, Setting], ledger: Ledger | None = None) -> dict[str, bool]:
    """The readings by their words, and whether each is open."""
    return {item.words: item.open for item in readings(ledger or Ledger(".", {}), settings)}


def test_the_arguments_of_the_run_tell_who_drew_the_rows() -> None:
    settings = of_run(v.run_of(v.committed()))
    assert settings["train_sampling_strategy"] == Setting(
        "random", "training_args.bin#train_sampling_strategy"
    )
    assert settings["use_seedable_sampler"].source == (
        "training_args.bin#accelerator_config/use_seedable_sampler"
    )
    assert settings["shuffle_seed"].assumed


def test_the_event_file_tells_it_where_there_are_no_arguments() -> None:
    files = v.without(v.committed(), "training_args.bin")
    setting = of_run(v.run_of(files))["train_sampling_strategy"]
    assert (setting.value, setting.assumed) == ("random", False)
    assert setting.source == f"{v.event_path()}#args/train_sampling_strategy"


def test_no_file_tells_it_where_neither_is_there() -> None:
    files = v.without(v.committed(), "training_args.bin", v.event_path())
    assert all(setting.assumed for setting in of_run(v.run_of(files)).values())


def test_arguments_of_transformers_4_37_and_older_mean_torchs_sampler() -> None:
    """AcceleratorConfig came with transformers 4.38 (training_args.py); before, Accelerate's own default holds."""
    assert of_run(v.run_of(arguments(seed=42)))["use_seedable_sampler"].value is False
    told = of_run(v.run_of(arguments(accelerator_config={"use_seedable_sampler": False})))
    assert told["use_seedable_sampler"].value is False
    assert of_run(v.run_of(arguments(accelerator_config={})))["use_seedable_sampler"].assumed
    untold = of_run(v.run_of(v.without(arguments(), "training_args.bin")))["use_seedable_sampler"]
    assert (untold.value, untold.assumed) == (True, True)


def test_a_platform_draws_as_it_always_does_and_a_script_as_it_likes() -> None:
    bare = v.without(v.committed(), "training_args.bin", v.event_path())
    assert is_told(v.run_of(v.committed()))
    assert is_told(v.run_of(bare))
    assert is_told(v.run_of(v.without(v.committed(), CHEETAH)))
    assert not is_told(v.run_of(v.without(bare, CHEETAH)))
    unseeded = v.with_json(bare, CHEETAH, lambda d: d["train_model_parameters"].pop("seed"))
    assert not is_told(v.run_of(unseeded))


def test_a_declared_order_has_slips_and_an_untold_one_open_readings() -> None:
    assert found(known()) == {"rows in file order": False, "rows shuffled beforehand by seed 42": True}
    bare = v.without(v.committed(), "training_args.bin", v.event_path())
    seven = {"seed": Setting(7, "declared"), "data_seed": Setting(None, "nobody", assumed=True)}
    assert found(known(bare, **seven)) == {
        "rows in file order": True,
        "rows shuffled beforehand by seed 7": True,
        "rows shuffled beforehand by seed 42": True,
        "data_seed = 42": True,
        "rows drawn by torch's own RandomSampler": True,
    }
    assert found(known(seed=seven["seed"]))["data_seed = 42"] is False


def test_every_reading_says_why_it_is_one() -> None:
    bare = v.without(v.committed(), "training_args.bin", v.event_path())
    untold = known(bare, seed=Setting(7, "declared"), data_seed=Setting(None, "nobody", assumed=True))
    assert [(dict(item.changes), item.says) for item in readings(Ledger(".", {}), untold)] == [
        (
            {"train_sampling_strategy": "sequential"},
            "rows in file order (train_sampling_strategy = sequential): the order of rows is told by no file",
        ),
        ({"shuffle_seed": 7}, "rows shuffled beforehand by seed 7: no file tells it"),
        ({"shuffle_seed": 42}, "rows shuffled beforehand by seed 42: no file tells it"),
        ({"data_seed": 42}, "data_seed = 42: the order of rows is told by no file"),
        (
            {"use_seedable_sampler": False},
            "use_seedable_sampler = False: no file says it, and releases differ",
        ),
    ]
    told = known(seed=Setting(7, "declared"), data_seed=Setting(None, "training_args.bin#data_seed"))
    assert [(item.says, item.open) for item in readings(Ledger(".", {}), told)][-1] == (
        "data_seed = 42: another seed drew the rows (training_args.bin#data_seed)",
        False,
    )


@pytest.mark.parametrize("seed", [True, -1, None, 4.2, "7"])
def test_what_is_no_seed_shuffles_nothing(seed: object) -> None:
    """numpy.random.default_rng takes whole numbers from 0 on."""
    assert usual_seeds({"seed": Setting(seed, "declared")}) == [42]
    assert usual_seeds({"seed": Setting(0, "declared")}) == [0, 42]


def test_a_data_seed_that_is_the_seed_leaves_no_reading() -> None:
    same = known(seed=Setting(9, "declared"), data_seed=Setting(9, "declared"))
    assert not any("data_seed" in words for words in found(same))
    assert "data_seed = 42" not in found(known(data_seed=Setting(None, "nobody", assumed=True)))


def test_a_plan_without_an_order_has_no_other() -> None:
    """A script that is run as it is draws its rows itself."""
    for key in ("train_sampling_strategy", "use_seedable_sampler", "shuffle_seed", "data_seed", "seed"):
        assert found({name: setting for name, setting in known().items() if name != key}) == {}


def test_rows_declared_to_come_in_file_order_may_have_been_drawn() -> None:
    told = Setting("sequential", "training_args.bin#train_sampling_strategy")
    settings = known(
        train_sampling_strategy=told,
        data_seed=Setting(9, "declared"),
        use_seedable_sampler=Setting(True, "nobody", assumed=True),
    )
    assert found(settings) == {"rows shuffled beforehand by seed 42": True}
    (other,) = extras.readings(settings)
    assert (dict(other.changes), other.open) == ({"train_sampling_strategy": "random"}, False)


@pytest.mark.parametrize(("release", "opened"), [("4.46.0", False), ("4.45.2", True), (None, True)])
def test_a_data_seed_is_followed_since_4_46(release: str | None, opened: bool) -> None:
    """4.46.0 has ``dataloader_config.data_seed = self.args.data_seed`` (trainer.py), 4.45.2 has no such line."""
    wrote = Evidence("transformers_version", Status.VERIFIED, "", value=VersionRange(release, None))
    ledger = Ledger(".", {}).with_evidence((wrote,) if release else ())
    made = list(readings(ledger, known(data_seed=Setting(9, "declared"))))
    (reading,) = [item for item in made if item.words == "data_seed = None"]
    assert reading.open is opened
    assert reading.says == (
        "data_seed = None: releases before 4.46 do not follow a data_seed"
        if opened
        else "data_seed = None: the data_seed was not applied"
    )


def test_only_an_order_is_one() -> None:
    every = ("train_sampling_strategy", "use_seedable_sampler", "shuffle_seed", "data_seed")
    assert is_order(Alternative({"data_seed": 3}, ""))
    assert is_order(Alternative(dict.fromkeys(every), ""))
    assert is_order(Alternative({"used_rows": [1, 10], "packing": False}, ""))
    assert not is_order(Alternative({"seed": 3}, ""))
    assert not is_order(Alternative({"data_seed": 3, "packing": True}, ""))


def test_rows_are_shuffled_as_datasets_does() -> None:
    """numpy.random.Generator.permutation is what `Dataset.shuffle` calls; here it is asked through datasets itself."""
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"n": list(range(97))})
    for seed in (0, 42, 3407):
        assert list(order(97, seed)) == rows.shuffle(seed=seed)["n"][:]
    assert list(order(97, None)) == list(range(97))


def plan(steps: int, *parts: Span) -> RerunPlan:
    return replace(v.plan_of_fixture(), parts=parts, stop_at=steps, total_steps=steps)


def test_a_probe_ends_at_the_first_logged_loss_unless_that_is_late() -> None:
    run = v.run_of(v.committed())
    assert first_logged(run, plan(18, Span(0, 18))) == Span(0, 1)
    assert first_logged(run, plan(18, Span(9, 18, "checkpoint-9"))) == Span(9, 10, "checkpoint-9")
    assert first_logged(run, plan(3, Span(0, 3))) is None  # a third of all


def test_a_probe_of_a_resumed_part_waits_for_a_whole_mean() -> None:
    """A row every third step, and none at the checkpoint: 10 and 11 were averaged with 9, 12 to 14 were not."""
    files = v.without(v.committed(), v.event_path())

    def thinned(state: dict[str, Any]) -> None:
        rows = [row for row in state["log_history"] if row["step"] in (2, 5, 8, 11, 14)]
        state["log_history"] = rows

    for path in v.STATES:
        files = v.with_json(files, path, thinned)
    long = plan(29, Span(9, 29, "checkpoint-9"))
    assert first_logged(v.run_of(files), long) == Span(9, 14, "checkpoint-9")


SETTINGS: dict[str, Any] = {
    "r": 2,
    "target_modules": ["q_proj"],
    "per_device_train_batch_size": 2,
    "num_train_epochs": 2.0,
    "learning_rate": 1e-3,
    "logging_steps": 1,
    "save_steps": 100,
    "optim": "adamw_torch",
    "seed": 5,
}
COUNT = 10


def seedable(seed: int) -> list[int]:
    """Two epochs of torch's RandomSampler, seeded anew for each by ``seed`` plus its number."""
    import torch
    from torch.utils.data import RandomSampler

    drawn: list[int] = []
    for epoch in range(2):
        generator = torch.Generator()
        generator.manual_seed(seed + epoch)
        drawn.extend(RandomSampler(range(COUNT), generator=generator))
    return drawn


def expected() -> dict[str, list[int] | None]:
    """The numbers of the rows that each way draws, by torch and NumPy alone; None for one that is only another's."""
    shuffled = numpy.random.default_rng(42).permutation(COUNT).tolist()
    return {
        "usual": seedable(5),
        "sequential": [*range(COUNT), *range(COUNT)],
        "data_seed": seedable(42),
        "shuffled": [shuffled[number] for number in seedable(5)],
        "plain": None,
    }


CHANGES: dict[str, dict[str, Any]] = {
    "usual": {},
    "sequential": {"train_sampling_strategy": "sequential"},
    "data_seed": {"data_seed": 42},
    "shuffled": {"shuffle_seed": 42},
    "plain": {"use_seedable_sampler": False},
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """The rows that one child draws in each way, by their numbers in the data."""
    folder = tmp_path_factory.mktemp("orders")
    base, data = tiny_llama.make_base(folder / "base"), tiny_llama.make_rows(folder / "rows.jsonl", COUNT)
    common = {"base": str(base), "data": str(data)}
    jobs = [
        {**common, "name": name, "output": str(folder / name), "settings": {**SETTINGS, **more}}
        for name, more in CHANGES.items()
    ]
    (folder / "job.json").write_text(json.dumps({"version": 1, "threads": 1, "jobs": jobs}))
    done = subprocess.run(
        [sys.executable, "-m", "auditor.rerun.child", str(folder / "job.json")],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {
        name: rows_of(folder / name, order(COUNT, more.get("shuffle_seed"))) for name, more in CHANGES.items()
    }


def rows_of(folder: Path, numbers: Any) -> list[int]:
    lines = [json.loads(line) for line in (folder / "rerun_steps.jsonl").read_text().splitlines()]
    return [numbers[index] for line in lines for index in line.get("examples") or ()]


@pytest.mark.rerun
@pytest.mark.parametrize("name", ["usual", "sequential", "data_seed", "shuffled"])
def test_the_child_draws_rows_in_the_order_of_the_setting(drawn: dict[str, list[int]], name: str) -> None:
    assert drawn[name] == expected()[name]


@pytest.mark.rerun
def test_torchs_own_sampler_draws_each_row_once_an_epoch_in_another_order(
    drawn: dict[str, list[int]],
) -> None:
    one, two = drawn["plain"][:COUNT], drawn["plain"][COUNT:]
    assert sorted(one) == sorted(two) == list(range(COUNT))
    assert one not in (drawn["usual"][:COUNT], list(range(COUNT)))


def test_the_plan_lists_the_orders() -> None:
    from auditor.rerun.planning import plan as planning
    from tests.builders.repositories import TINY_BASE

    run = v.run_of(v.committed())
    made = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert (
        "rows in file order (train_sampling_strategy = sequential): the declared order was not applied "
        "(training_args.bin#train_sampling_strategy)"
    ) in made.hypotheses
    assert "rows shuffled beforehand by seed 42: no file tells it" in made.hypotheses
