"""What a verdict rests on: releases that differ, and a base that is newer than what reads it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.claims import Ledger, build
from auditor.model import Setting, Span, VersionRange
from auditor.rerun.judging.bounds import does_not_prove, newer_base, unlike
from auditor.rerun.planning import plan as planning
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_verdict import derived

HERE = {"versions": {"transformers": "4.51.3", "peft": "0.13.2"}}
NEWER = (
    "the base model's config.json was written by transformers 5.23.0, and 4.51.3, which trained here, does not know "
    "all of its keys"
)


def base(folder: Path, version: object) -> str:
    (folder / "config.json").write_text(json.dumps({"transformers_version": version}), encoding="utf-8")
    return str(folder)


def test_a_base_of_a_newer_release_excuses(tmp_path: Path) -> None:
    run = v.run_of(v.committed())
    plan = replace(v.plan_of_fixture(), base=base(tmp_path, "5.23.0"))
    assert unlike(run, Ledger(".", {}), plan, HERE) == NEWER


@pytest.mark.parametrize("version", ["4.51.3", "4.51.4.dev0", "4.30.0", None, 5, ""])
def test_a_base_of_the_same_release_or_an_unknown_one_excuses_nothing(
    tmp_path: Path, version: object
) -> None:
    assert newer_base(base(tmp_path, version), HERE) is None


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_configuration_that_cannot_be_read_excuses_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    assert newer_base(str(tmp_path), HERE) is None
    assert newer_base(str(tmp_path / "none"), HERE) is None


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        ("4.51.0", None, False),
        ("4.51.9", "4.51.9", False),  # patches do not change arithmetic
        (None, "4.51.0", False),
        ("4.52.0", None, True),
        (None, "4.50.3", True),
    ],
)
def test_a_run_of_another_minor_excuses(low: str | None, high: str | None, *, told: bool) -> None:
    ledger = derived("transformers", VersionRange(low, high))
    why = unlike(v.run_of(v.committed()), ledger, v.plan_of_fixture(), HERE)
    assert (why is not None and "which may compute otherwise" in why) is told


@pytest.mark.parametrize(
    ("key", "says"),
    [("use_liger_kernel", "Liger's kernels"), ("torch_compile", "compiled kernels"), ("bf16", None)],
)
def test_kernels_of_another_kind_excuse_and_are_no_obstacle(key: str, says: str | None) -> None:
    bare = v.without(v.committed(), "training_args.bin")
    files = {**bare, "training_args.bin": make_training_args({key: True})}
    run, plan = v.run_of(files), v.plan_of_fixture()
    told = (
        f"the run was trained with {says} (training_args.bin#{key}), and this rerun with PyTorch's own"
        if says is not None
        else None
    )
    assert unlike(run, Ledger(".", {}), plan, v.ENVIRONMENT) == told
    made = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert made.obstacles == ()
    assert (f"{told}, which rounds otherwise" in made.hypotheses) is (says is not None)


def test_an_unknown_beginning_excuses_where_any_part_begins_there() -> None:
    run, known = v.run_of(v.committed()), replace(v.plan_of_fixture(), base="", unknown_start="none fits")
    nothing = Ledger(".", {})
    parts = (Span(0, 9), Span(9, 18, "checkpoint-9"))
    why = unlike(run, nothing, replace(known, parts=parts), HERE)
    assert why == "the run did not begin with the declared seed's adapter: none fits"
    assert unlike(run, nothing, replace(known, parts=parts[1:]), HERE) is None


def test_each_difference_between_the_releases_is_stated(tmp_path: Path) -> None:
    libraries = {
        "transformers": Setting("4.50.0", "proven by files: transformers 4.50.0"),
        "peft": Setting("0.13.2", "proven by files: peft 0.13.2"),
        "accelerate": Setting("1.6.0", "not recorded; the newest that was out on 2025-04-14", assumed=True),
        "trl": Setting("0.17.0", "README.md says so"),
    }
    outputs = v.outputs()
    used = outputs.environment["versions"]
    assert isinstance(used, dict)
    open_ = does_not_prove(
        v.run_of(v.committed()), replace(v.plan_of_fixture(), libraries=libraries), outputs, {}, 3.0
    )
    said = [line for line in open_ if "this rerun used" in line]
    assert said == [
        f"The run was made by {name} {made} (proven by files: {name} {made}); this rerun used {used[name]}."
        for name, made in (("peft", "0.13.2"), ("transformers", "4.50.0"))
    ]
