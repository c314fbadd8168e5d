"""``audit inspect``: targets, formats, exit codes, words for people, and the schema."""

import csv
import dataclasses
import html as html_module
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy
import pytest
from jsonschema import Draft202012Validator

from auditor import discover, schemas
from auditor.model import AdapterComparison, Change, ModuleUpdate, UncomparedModule
from auditor.model import inspection as words
from tests.builders import adapter_folders as made
from tests.builders.command import audit
from tests.builders.pickles import Tensor, make_optimizer, make_torch
from tests.builders.safetensors import make_arrays

Capture = pytest.CaptureFixture[str]
TINY = ("--repo", "fixtures/tiny/repo.bundle")
SEED = ("--repo", "fixtures/seed/repo.bundle")
SCHEMA = schemas.load("inspection-v1")
DEFINITIONS: dict[str, dict[str, object]] = SCHEMA["$defs"]  # type: ignore[assignment]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def as_json(capsys: Capture, *arguments: str) -> dict[str, Any]:
    """The JSON of a command, held against the schema."""
    document: dict[str, Any] = json.loads(audit(capsys, "inspect", *arguments, "--format", "json").out)
    kind = "InspectionComparison" if "relation" in document else "Inspection"
    Draft202012Validator({**DEFINITIONS[kind], "$defs": DEFINITIONS}).validate(document)
    Draft202012Validator(SCHEMA).validate(document)
    return document


def test_the_honest_run_in_json(capsys: Capture) -> None:
    document = as_json(capsys, "candidate", *TINY)
    (run,) = document["runs"]
    own = run["adapters"][0]
    assert (own["folder"], own["ranks"], len(own["modules"])) == (".", [8], 14)
    state = next(item for item in run["states"] if item["folder"] == "checkpoint-18")
    assert state["optimizer"]["steps"] == [[18.0, 28]]
    assert {one["seed"] for one in state["processes"][0]["generators"]} == {42}
    assert state["schedule"]["agrees"] is True
    assert [row["step"] for row in run["steps"]] == [9, 18, 18]
    assert len(run["curves"][0]["points"]) == 18


def test_the_real_case_in_json(capsys: Capture) -> None:
    document = as_json(capsys, "caost-test-2", *SEED)
    assert document["unread"]


def test_nan_is_text_and_not_measured_is_null(capsys: Capture, tmp_path: Path) -> None:
    factors = made.factors(1, made.modules(1))
    factors["model.layers.0.mlp.down_proj"][1][0, 0] = float("nan")
    document = as_json(capsys, str(write(tmp_path, made.folder(factors))))
    modules = document["runs"][0]["adapters"][0]["modules"]
    norms = {module["module"]: module["norm"] for module in modules}
    assert norms["model.layers.0.mlp.down_proj"] == "NaN"
    unmeasured = as_json(capsys, str(tmp_path), "--no-numbers")
    modules = unmeasured["runs"][0]["adapters"][0]["modules"]
    assert {module["norm"] for module in modules} == {None}
    assert all(module["why"] for module in modules)


def test_parameters_that_no_gradient_reached_are_shown(capsys: Capture, tmp_path: Path) -> None:
    """Two of three parameters have no second moment but zero; no adapter names them."""
    shapes = [(2, 3), (3, 2), (2, 2)]
    optimizer = make_optimizer(shapes, moments=lambda index, _name: float(index == 1))
    folder = str(write(tmp_path, {"optimizer.pt": optimizer}))
    says = "no gradient but zero reached parameter 0, parameter 2"
    (state,) = as_json(capsys, folder)["runs"][0]["states"]
    assert state["optimizer"]["without_gradient"] == ["parameter 0", "parameter 2"]
    assert says in " ".join(audit(capsys, "inspect", folder).out.split())
    assert says in audit(capsys, "inspect", folder, "--format", "html").out
    unread = as_json(capsys, folder, "--no-numbers")
    assert unread["runs"][0]["states"][0]["optimizer"]["without_gradient"] == []


def test_the_world_size_is_the_highest_rank_and_one(capsys: Capture, tmp_path: Path) -> None:
    """Of four processes two files are left; a run of one process has no rank."""
    state = make_torch({"cpu": Tensor([0] * 5056, (5056,), "uint8"), "python": None, "numpy": None})
    several = write(tmp_path / "a", {f"rng_state_{rank}.pth": state for rank in (0, 3)})
    one = write(tmp_path / "b", {"rng_state.pth": state})
    sizes = [as_json(capsys, str(f))["runs"][0]["states"][0]["world_size"] for f in (several, one)]
    assert sizes == [4, 1]
    told = audit(capsys, "inspect", str(several)).out
    assert re.search(r"world size\s+4 processes", told)
    assert "rank 1, 2 is missing" in " ".join(told.split())
    assert "world size" not in audit(capsys, "inspect", str(one)).out


def test_remarks_on_tensors_are_shown(capsys: Capture, tmp_path: Path) -> None:
    """A tensor in two shards: which of them counts is said wherever the tensors are."""
    first, second = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    shard = make_arrays({"a": numpy.ones(3, "f4")})
    both = make_arrays({"a": numpy.ones(3, "f4"), "b": numpy.ones(2, "f4")})
    one = str(write(tmp_path / "one", {first: shard, second: both}))
    two = str(write(tmp_path / "two", {first: make_arrays({"a": numpy.zeros(3, "f4")}), second: both}))
    says = f"tensor 'a' is in {first} and in {second}, and loaders differ in which they take"
    document = as_json(capsys, one, two, "--tensors")
    assert document["notes"] == [says]
    assert [row["differing"] for row in document["tensors"]] == [3, 0]
    told = " ".join(audit(capsys, "inspect", one, two, "--tensors").out.split())
    assert f"1 of 2 tensors differ ○ {says}" in told
    page = audit(capsys, "inspect", one, two, "--tensors", "--format", "html").out
    assert says in html_module.unescape(re.sub("<[^>]*>", "", page))
    assert as_json(capsys, one, two)["notes"] == []


@pytest.mark.parametrize(
    "record",
    [
        *(words.ModuleInspection, words.AdapterInspection, words.StateInspection, words.StepRow),
        *(words.CurveInspection, words.Relation, words.TensorRow, words.Place, words.SeedInspection),
        *(AdapterComparison, ModuleUpdate, UncomparedModule, Change),
        *(
            words.OptimizerFacts,
            words.ScheduleFacts,
            words.GeneratorFacts,
            words.AdapterSettings,
            words.ParameterFacts,
        ),
    ],
    ids=lambda record: record.__name__,
)
def test_the_schema_names_every_field_of_the_model(record: type) -> None:
    names = [field.name for field in dataclasses.fields(record)]
    assert list(DEFINITIONS[record.__name__]["properties"]) == names  # type: ignore[call-overload]
    assert DEFINITIONS[record.__name__]["required"] == names


def test_side_by_side_says_the_relation_first(capsys: Capture) -> None:
    done = audit(capsys, "inspect", "candidate:checkpoint-9", "candidate", *TINY)
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("different: relative distance 0.348, ")
    same = audit(capsys, "inspect", "candidate:checkpoint-18", "candidate", *TINY)
    assert (same.code, same.out.splitlines()[0]) == (0, "identical")


def test_side_by_side_in_json_with_tensors(capsys: Capture) -> None:
    document = as_json(capsys, "candidate:checkpoint-9", "candidate:checkpoint-18", *TINY, "--tensors")
    assert document["relation"] == "different"
    assert len(document["tensors"]) == 28


@pytest.mark.parametrize(
    ("table", "rows", "column"),
    [("modules", 42, "norm"), ("tensors", 84, "dtype"), ("steps", 3, "loss"), ("curves", 218, "value")],
)
def test_each_table_as_csv(capsys: Capture, table: str, rows: int, column: str) -> None:
    """Three folders of 14 modules and 28 tensors; log_history of 9 and twice 18 steps, and event files."""
    out = audit(capsys, "inspect", "candidate", *TINY, "--format", "csv", "--table", table).out
    found = list(csv.DictReader(io.StringIO(out)))
    assert len(found) == rows
    assert all(row[column] for row in found)


def test_tensors_side_by_side_as_csv(capsys: Capture) -> None:
    sides = ("candidate:checkpoint-9", "candidate:checkpoint-18")
    out = audit(capsys, "inspect", *sides, *TINY, "--format", "csv", "--table", "tensors").out
    found = list(csv.DictReader(io.StringIO(out)))
    assert len(found) == 28
    assert all(float(row["max_abs"]) > 0 for row in found)


def test_a_name_is_no_formula_in_csv(capsys: Capture, tmp_path: Path) -> None:
    write(tmp_path, made.folder(made.factors(1, ['=HYPERLINK("x")', "a\nb\x1b[31m"])))
    out = audit(capsys, "inspect", str(tmp_path), "--format", "csv").out
    first, second = csv.DictReader(io.StringIO(out))
    assert first["module"] == '\'=HYPERLINK("x")'
    assert second["module"] == "a\\nb\\x1b[31m"


def test_several_files_from_one_inspection(capsys: Capture, tmp_path: Path) -> None:
    outputs = [f"--output={name}={tmp_path}/made.{name}" for name in ("json", "csv", "terminal")]
    done = audit(capsys, "inspect", "candidate", *TINY, *outputs)
    assert done.code == 0
    assert json.loads((tmp_path / "made.json").read_text())["snapshot"] == "candidate"
    assert (tmp_path / "made.csv").read_text().startswith("run,folder,step,module,")
    assert (tmp_path / "made.terminal").read_text() == done.out


def test_a_weight_file_alone_is_taken_with_its_configuration(capsys: Capture, tmp_path: Path) -> None:
    write(tmp_path, made.folder(made.factors(1)))
    document = as_json(capsys, str(tmp_path / "adapter_model.safetensors"))
    (adapter,) = document["runs"][0]["adapters"]
    assert {module["scaling"] for module in adapter["modules"]} == {2.0}


def test_a_part_of_a_folder_and_of_a_bundle(capsys: Capture, tmp_path: Path) -> None:
    write(tmp_path, made.run(2, "one"))
    document = as_json(capsys, f"{tmp_path}:one/checkpoint-2")
    (adapter,) = document["runs"][0]["adapters"]
    assert adapter["folder"] == "one/checkpoint-2"
    assert as_json(capsys, "candidate:checkpoint-9", *TINY)["snapshot"] == "candidate:checkpoint-9"


def test_a_folder_whose_name_holds_a_colon(capsys: Capture, tmp_path: Path) -> None:
    write(tmp_path / "a:b", made.run(1, "one"))
    assert as_json(capsys, str(tmp_path / "a:b"))["snapshot"] == "a:b"
    assert as_json(capsys, f"{tmp_path}/a:b:one")["snapshot"] == "a:b:one"


def test_what_could_not_be_looked_at_is_said_and_ends_with_3(capsys: Capture, tmp_path: Path) -> None:
    files = {"adapter_config.json": made.config(), "adapter_model.safetensors": made.pointer()}
    done = audit(capsys, "inspect", str(write(tmp_path, files)))
    assert done.code == 3
    assert "Its weights were not read: its content is in Git LFS" in " ".join(done.out.split())
    assert "Not looked at" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("candidate", "--format", "pdf"), "there is no format 'pdf' for inspect"),
        (("candidate", "--output", "csv"), "is not FORMAT=PATH"),
        (("candidate", "--output", "xml=x"), "there is no format 'xml' for inspect"),
        (("candidate", "--table", "rows"), "there is no table 'rows'"),
        (("candidate", "candidate", "--table", "steps"), "there is no table 'steps' of two adapters"),
        (("candidate", "--tensors"), "--tensors compares two adapters"),
        (("candidate", "--format", "parquet"), "parquet is no text"),
        (("candidate:nowhere",), "candidate holds no nowhere"),
        (("candidate", "--color", "pink"), "--color 'pink' is unknown"),
        (("candidate", "--recover-seed", "9..1"), "is no range of seeds"),
        (("candidate", "--recover-seed=9..1"), "is no range of seeds"),
        (("candidate", "--recover-seed=0..4294967296"), "is no range of seeds"),
        (("candidate", "--seed", "1", "--no-numbers"), "a seed is tried on the adapter's numbers"),
        (("candidate", "candidate", "--no-numbers", "--tensors"), "tensors are compared as numbers"),
        (
            ("candidate", "candidate", "--no-numbers", "--table", "tensors", "--format", "csv"),
            "tensors are compared as numbers",
        ),
        (("candidate", "candidate", "--recover-seed"), "a seed is tried on one adapter"),
        (
            ("candidate", "candidate", "--base", "fixtures"),
            "--base says which modules one adapter could have",
        ),
    ],
)
def test_usage_errors(capsys: Capture, arguments: tuple[str, ...], message: str) -> None:
    done = audit(capsys, "inspect", *arguments, *TINY)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "hint:" in done.err


def test_parquet_says_what_it_needs(capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "pyarrow" else real(name, *more)
    )
    done = audit(capsys, "inspect", "candidate", *TINY, "--output", f"parquet={tmp_path}/x.parquet")
    assert done.code == 2
    assert "parquet needs pyarrow, which is not installed" in done.err
    assert "pip install '.[tables]'" in done.err


@pytest.mark.parametrize("range_", [(), ("0..100",)])
def test_a_seed_is_searched_with_or_without_a_range(capsys: Capture, range_: tuple[str, ...]) -> None:
    done = audit(capsys, "inspect", "candidate:checkpoint-9", "--recover-seed", *range_, *TINY)
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "seed 42 consistent on 14 of 14 trained modules" in text
    assert f"of {'101' if range_ else '65,536'}" in text
    assert "by chance less often than" in text


def test_formats_are_the_modules(capsys: Capture) -> None:
    assert {"terminal", "json", "csv"} <= set(discover.names("auditor.report.inspect"))


def test_the_base_model_tells_what_is_missing(capsys: Capture) -> None:
    text = audit(capsys, "inspect", "candidate:checkpoint-9", *TINY, "--base", "fixtures/tiny/base").out
    assert "tiny-labs/tiny-gemma3 (its config.json was given)" in text
    assert "missing" not in text
    done = audit(capsys, "inspect", "candidate", *TINY, "--base", "fixtures/tiny")
    assert (done.code, "holds no config.json" in done.err) == (2, True)
