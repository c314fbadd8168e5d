"""`auditor.open`: the documentation's lines run as they stand, importing stays cheap, everything closes."""

import doctest
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import pytest

import auditor
from auditor.errors import UsageError
from tests.builders import adapter_folders as made

ROOT = Path(__file__).parents[1]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_the_lines_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = doctest.testfile(
        str(ROOT / "docs" / "api.md"), module_relative=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL
    )
    assert done.attempted > 25
    assert done.failed == 0


def test_importing_loads_nothing_of_the_house() -> None:
    code = "import sys; before = set(sys.modules); import auditor; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "['auditor']"


def test_opening_needs_no_table_library_and_no_torch(tmp_path: Path) -> None:
    write(tmp_path, made.run(2))
    code = (
        "import sys, auditor; auditor.open(sys.argv[1]).runs;"
        "print(sorted({'pandas', 'torch', 'pyarrow', 'jsonschema', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_a_folder_a_path_and_a_file(tmp_path: Path) -> None:
    factors = made.factors(1)
    write(tmp_path, made.folder(factors))
    for target in (tmp_path, str(tmp_path), tmp_path / "adapter_model.safetensors"):
        (adapter,) = auditor.open(target).adapters
        norms = [module.norm for module in adapter.modules]
        assert norms == pytest.approx([numpy.linalg.norm(u) for u in made.dense(factors).values()])


def test_tables_are_frames_of_the_same_numbers(tmp_path: Path) -> None:
    opened = auditor.open(write(tmp_path, made.run(3)))
    (run,) = opened.runs
    frame = opened.modules
    assert list(frame.norm) == [module.norm for adapter in run.adapters for module in adapter.modules]
    assert frame.layer.dtype == "Int64"
    assert list(opened.steps.step.fillna(-1)) == [1, 2, 3, -1]
    assert len(opened.tensors) == 2 * len(frame)
    with pytest.raises(UsageError, match="there is no table 'rows'"):
        opened.table("rows")


def test_curves_as_files(tmp_path: Path) -> None:
    opened = auditor.open(write(tmp_path / "run", made.run(2)))
    assert opened.curves.to_csv(tmp_path / "curves.csv") == len(opened.curves) == 9
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 10


def test_without_pandas_the_hint_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = auditor.open(write(tmp_path, made.folder(made.factors(1))))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError) as caught:
        _ = opened.modules
    assert caught.value.hint == "in the folder of auditor: pip install '.[tables]'"
    with pytest.raises(UsageError) as caught:
        opened.curves.to_dataframe()
    assert caught.value.hint == "in the folder of auditor: pip install '.[tables]'"


def test_comparing_with_what_open_takes(tmp_path: Path) -> None:
    factors = made.factors(1)
    one = write(tmp_path / "one", made.folder(factors))
    two = write(tmp_path / "two", made.folder(made.moved(factors, 2.0)))
    opened = auditor.open(one)
    for other in (two, str(two), auditor.open(two)):
        found = opened.compare(other, tensors=True)
        assert found.comparison.scale == pytest.approx(2.0, rel=1e-6)
        assert len(found.tensors) == 2 * len(factors)


def test_closing_ends_the_temporary_folder_of_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened = auditor.open("candidate", repo="fixtures/tiny/repo.bundle")
    assert list(tmp_path.iterdir())
    opened.close()
    opened.close()
    assert not list(tmp_path.iterdir())
    assert opened.runs
    with pytest.raises(UsageError, match="is closed"):
        opened.compare(opened)


def test_an_object_that_is_let_go_cleans_up_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened = auditor.open("candidate", repo="fixtures/tiny/repo.bundle")
    del opened
    assert not list(tmp_path.iterdir())


def test_a_parquet_file_holds_the_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    from auditor.cli import run

    write(tmp_path / "run", made.run(2))
    target = tmp_path / "modules.parquet"
    assert run(["inspect", str(tmp_path / "run"), "--output", f"parquet={target}"]) == 0
    expected = auditor.open(tmp_path / "run").modules
    pandas.testing.assert_frame_equal(pandas.read_parquet(target), expected, check_dtype=False)


def test_the_text_and_the_json_are_those_of_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from auditor.cli import run

    write(tmp_path, made.run(2))
    opened = auditor.open(tmp_path)
    for format_, text in (
        ("terminal", opened.text()),
        ("json", opened.to_json()),
        ("html", opened.to_html()),
    ):
        assert run(["inspect", str(tmp_path), "--format", format_]) == 0
        assert capsys.readouterr().out == text
    assert json.loads(opened.to_json())["snapshot"] == tmp_path.name


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    auditor.open(
        write(tmp_path, made.run(2)), progress=lambda done, total, what: told.append(done * 100 // total)
    )
    assert told[-1] == 100
