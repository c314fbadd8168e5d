"""Which run is rerun, and where its base and data lie on this machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.engine._look import grouped
from auditor.engine.audit import Options, look
from auditor.engine.rerun import RerunOptions, chosen, located, plan, rerunner
from auditor.errors import UsageError
from auditor.policy import Policy
from auditor.rerun.options import silent
from auditor.rerun.planning.planned import plan_only
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import TINY, TINY_BASE, healthy

CONFIG = b'{"peft_type": "LORA", "r": 8}'


def test_the_only_run_needs_no_name() -> None:
    assert chosen(look(healthy(), Options()), None).name == "."


def test_several_runs_are_named_in_the_question() -> None:
    side = look(
        memory_snapshot("x", {"a/adapter_config.json": CONFIG, "b/adapter_config.json": CONFIG}), Options()
    )
    with pytest.raises(UsageError) as caught:
        chosen(side, None)
    assert (caught.value.message, caught.value.hint) == (
        "the repository holds 2 runs",
        "say which with --run: a, b",
    )
    assert chosen(side, "b/").name == "b"
    with pytest.raises(UsageError, match="there is no run 'c' to rerun"):
        chosen(side, "c")


def test_no_adapter_is_said() -> None:
    with pytest.raises(UsageError, match="there is no training to rerun"):
        chosen(look(memory_snapshot("x", {"README.md": b"# x"}), Options()), None)


def test_the_policy_maps_container_paths_to_paths_here() -> None:
    side = look(healthy(), Options())
    policy = Policy(
        paths={"input/model/tiny-labs/tiny-gemma3": "/m", "input/dataset/tiny-labs/tiny-sums": "/d"},
        rerun={"steps": 5, "minutes": 2, "threads": 2, "timeout": 90},
    )
    found = located(RerunOptions(), side.ledgers["."], policy)
    assert (found.base, found.data, found.steps, found.minutes) == (Path("/m"), Path("/d"), 5, 2)
    assert (found.threads, found.timeout, found.limit) == (2, 90, 90)
    given = located(RerunOptions(base=Path("/x"), steps=3), side.ledgers["."], policy)
    assert (given.base, given.steps) == (Path("/x"), 3)


def test_without_base_or_data_the_option_is_named() -> None:
    side = look(healthy(), Options())
    with pytest.raises(UsageError) as caught:
        rerunner(None, RerunOptions(base=Path("/x")), Policy(), silent)(side)
    assert caught.value.message == "a rerun needs the data"
    assert caught.value.hint == "give --data PATH, or map its path under [paths]"


def test_the_cost_is_told_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def stop(*_: object) -> None:
        assert told, "the cost comes first"
        raise UsageError("stopped", "here")

    monkeypatch.setattr("auditor.rerun.session.rerun", stop)
    options = RerunOptions(base=TINY_BASE, data=TINY / "data" / "train.jsonl")
    with pytest.raises(UsageError, match="stopped"):
        rerunner(None, options, Policy(), silent, told.append)(look(healthy(), Options(base=TINY_BASE)))
    assert told[0].startswith("rerun of the whole run: 18 optimizer steps, trained 3 times")


def test_a_plan_weighs_no_more_than_it_needs_and_comes_out_the_same() -> None:
    """The initial weights are replayed by the plan itself; every other evidence is weighed for it."""
    snapshot, options = healthy(), Options(base=TINY_BASE)
    side = look(snapshot, options)
    wanted = RerunOptions(base=TINY_BASE, data=TINY / "data" / "train.jsonl")
    by_all = plan_only(side.runs[0], side.ledgers["."], wanted)
    assert plan(grouped(snapshot, options), None, wanted, Policy()) == by_all
    seed = side.ledgers["."].get("seed")
    assert seed is not None
    assert "seed-from-lora-init" in {item.id for item in seed.evidence}


def test_a_plan_imports_neither_numpy_nor_what_trains() -> None:
    heavy = (
        "{'numpy', 'torch', 'rich', 'jinja2', 'jsonschema', 'importlib.metadata', 'auditor.rerun.session'}"
    )
    base, data = TINY / "base", TINY / "data" / "train.jsonl"
    code = (
        "import sys; from auditor.cli import run;"
        f"run(['rerun', 'candidate', '--plan', '--repo', {str(TINY / 'repo.bundle')!r}, '--base', {str(base)!r},"
        f" '--data', {str(data)!r}]);"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "Rerun of the root: the whole run, 18 optimizer steps."
    assert lines[-1] == "[]"
