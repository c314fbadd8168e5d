import csv
import io
import json
import math
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.compare.curve_table import (
    COLUMNS,
    CurveRow,
    canonical,
    rows_of,
    shown,
    to_csv,
    to_dataframe,
    to_parquet,
)
from auditor.errors import UsageError
from tests.builders.events import NAME, make_events
from tests.builders.repositories import contents
from tests.evidence.support import adapter, run_of, state

HISTORY: list[dict[str, object]] = [
    {"epoch": 0.5, "loss": 2.0, "learning_rate": 1e-4, "step": 1},
    {"epoch": 0.5, "loss": 2.5, "step": 1},
    {"epoch": 1.0, "eval_loss": float("nan"), "step": 2, "note": "text", "flag": True, "list": [1]},
    {"loss": 7, "step": 2.0},
    {"loss": float("-inf"), "step": 2**70},
]
EVENTS = f"runs/one/{NAME}"


def rows(history: Iterable[dict[str, object]] = HISTORY, events: bytes | None = None) -> list[CurveRow]:
    files: dict[str, object] = {
        "adapter_config.json": adapter(),
        "trainer_state.json": state(log_history=list(history)),
    }
    if events is not None:
        files[EVENTS] = events
    return list(rows_of(run_of(files)))


def bits(row: CurveRow) -> tuple[object, ...]:
    """NaN equals itself this way."""
    return (
        row.source,
        row.tag,
        row.canonical_tag,
        row.step,
        row.epoch,
        row.wall_time,
        struct.pack("<d", row.value),
    )


def test_rows_stand_as_they_were_written() -> None:
    found = [(row.tag, row.step, row.epoch, row.wall_time, repr(row.value)) for row in rows()]
    assert found == [
        ("loss", 1, 0.5, None, "2.0"),
        ("learning_rate", 1, 0.5, None, "0.0001"),
        ("loss", 1, 0.5, None, "2.5"),
        ("eval_loss", 2, 1.0, None, "nan"),
        ("loss", 2, None, None, "7.0"),
        ("loss", None, None, None, "-inf"),
    ]
    assert {(row.run, row.source) for row in rows()} == {(".", "trainer_state.json")}


def test_checkpoints_and_event_files_are_sources_of_their_own() -> None:
    files = {
        "adapter_config.json": adapter(),
        "checkpoint-2/trainer_state.json": state(log_history=HISTORY[:2], global_step=2),
        "checkpoint-1/trainer_state.json": state(log_history=HISTORY[:1], global_step=1),
        EVENTS: make_events({"train/loss": [(2, 0.5), (1, 0.25)], "eval/loss": [(2, 3.0)]}),
    }
    found = [(row.source, row.canonical_tag, row.step, row.value) for row in rows_of(run_of(files))]
    assert found == [
        ("checkpoint-1/trainer_state.json", "loss", 1, 2.0),
        ("checkpoint-1/trainer_state.json", "learning_rate", 1, 1e-4),
        ("checkpoint-2/trainer_state.json", "loss", 1, 2.0),
        ("checkpoint-2/trainer_state.json", "learning_rate", 1, 1e-4),
        ("checkpoint-2/trainer_state.json", "loss", 1, 2.5),
        (EVENTS, "loss", 2, 0.5),
        (EVENTS, "loss", 1, 0.25),
        (EVENTS, "eval_loss", 2, 3.0),
    ]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("train/loss", "loss"),
        ("train/train_loss", "train_loss"),
        ("eval/loss", "eval_loss"),
        ("test/bleu", "test_bleu"),
        ("loss", "loss"),
        ("train/", "train/"),
        ("profile/x", "profile/x"),
        ("train/a/b", "a/b"),
    ],
)
def test_canonical_tags(tag: str, expected: str) -> None:
    assert canonical(tag) == expected


@pytest.mark.rerun
@given(key=st.text(st.characters(codec="ascii"), min_size=1, max_size=8))
def test_canonical_undoes_what_the_callback_does(key: str) -> None:
    integration = pytest.importorskip("transformers.integrations.integration_utils")
    for name in (key, f"eval_{key}", f"test_{key}"):
        (tag,) = integration.rewrite_logs({name: 0.0})
        assert canonical(tag) == name


def test_the_tiny_run_says_the_same_in_both_forms() -> None:
    """TensorBoardCallback logs every number of a row; the event file keeps float32."""
    read, _ = contents("tiny", "candidate")
    wanted = ("trainer_state.json", "adapter_config.json", "training_args.bin")
    files = {p: d for p, d in read.items() if p.endswith(wanted) or "tfevents" in p}
    found = list(rows_of(run_of(files)))
    own = [(r.canonical_tag, r.step, r.value) for r in found if r.source == "trainer_state.json"]
    events = {(r.canonical_tag, r.step): r.value for r in found if r.wall_time is not None}
    assert len(own) > 40
    for tag, step, value in own:
        assert events[tag, step] == pytest.approx(value, rel=1e-6)


def test_events_are_those_of_the_event_accumulator(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    scalars = {"train/loss": [(1, 0.1), (2, math.inf), (2, 7.5), (1, -0.0)], "odd": [(0, 1e-40)]}
    data = make_events(scalars)
    (tmp_path / NAME).write_bytes(data)
    library = accumulator.EventAccumulator(str(tmp_path / NAME), {"scalars": 0}, purge_orphaned_data=False)
    library.Reload()
    expected = [
        (tag, point.step, point.wall_time, struct.pack("<d", point.value))
        for tag in scalars
        for point in library.Scalars(tag)
    ]
    found = [row for row in rows([], data) if row.source == EVENTS]
    assert [(r.tag, r.step, r.wall_time, struct.pack("<d", r.value)) for r in found] == expected


# Texts of somebody else's files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train/loss", "train/loss"),
        ("a\nb\r\x1b[2J", "a\\nb\\r\\x1b[2J"),
        ("\u202egnirts", "\\u202egnirts"),
        ("\ud800", "\\ud800"),
        ("größe 損失", "größe 損失"),
        ("x" * 5000, "x" * 1000),
        ("\x00" * 5000, ("\\x00" * 250)),
    ],
)
def test_what_is_not_printable_stands_as_its_escape(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝cmd|' /C calc'!A0", "'quoted"])
def test_formulas_are_guarded(text: str) -> None:
    """OWASP, CSV Injection: an apostrophe in front keeps spreadsheets from calculating."""
    row = CurveRow("run", "file", text, text, 1, None, None, -1.0)
    plain, guarded = io.StringIO(), io.StringIO()
    to_csv([row], plain, guard=False)
    to_csv([row], guarded)
    assert next(iter(parsed(plain.getvalue())[1:]))[2] == text
    assert parsed(guarded.getvalue())[1][2:] == [f"'{text}", f"'{text}", "1", "", "", "-1.0"]


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


TEXTS = st.text(max_size=12) | st.sampled_from(
    ['a"b', "a,b", "=x", "'=x", "\r\n", '"', ",", "nan", "", " a "]
)
ROWS = st.lists(
    st.builds(
        CurveRow,
        *[TEXTS.map(shown)] * 4,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(),
        st.none() | st.floats(),
        st.floats(),
    ),
    max_size=6,
)


@given(ROWS)
@settings(max_examples=150)
def test_every_cell_is_what_it_was(table: Sequence[CurveRow]) -> None:
    stream = io.StringIO(newline="")
    assert to_csv(table, stream) == len(table)
    header, *lines = parsed(stream.getvalue())
    assert tuple(header) == COLUMNS
    for line, row in zip(lines, table, strict=True):
        texts = [cell[1:] if cell.startswith("'") else cell for cell in line[:4]]
        assert texts == [row.run, row.source, row.tag, row.canonical_tag]
        assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in line[:4])
        assert line[4] == ("" if row.step is None else str(row.step))
        for cell, number in zip(line[5:], (row.epoch, row.wall_time, row.value), strict=True):
            assert (cell == "") == (number is None)
            if number is not None:
                same = math.isnan(number) and math.isnan(float(cell))
                assert same or struct.pack("<d", float(cell)) == struct.pack("<d", number)


# pandas and parquet


@given(ROWS)
@settings(max_examples=40)
def test_csv_read_by_pandas_is_the_dataframe(table: Sequence[CurveRow]) -> None:
    pandas = pytest.importorskip("pandas")
    stream = io.StringIO(newline="")
    to_csv(table, stream, guard=False)
    texts = dict.fromkeys(COLUMNS[:4], "str")
    kept = {**texts, "step": "Int64"} | dict.fromkeys(COLUMNS[5:], "float64")
    missing = {name: ["", "nan"] for name in COLUMNS[4:]}
    found = pandas.read_csv(
        io.StringIO(stream.getvalue()),
        dtype=kept,
        na_values=missing,
        keep_default_na=False,
    )
    pandas.testing.assert_frame_equal(found, to_dataframe(table), check_exact=True)


def test_parquet_read_by_pandas_is_the_dataframe(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = rows(HISTORY, make_events({"train/loss": [(1, 0.1), (2, math.nan)]}))
    assert to_parquet(iter(table), tmp_path / "curves.parquet") == len(table)
    raw = parquet.read_table(tmp_path / "curves.parquet")
    assert raw.column("wall_time").null_count == 6
    assert raw.column("value").null_count == 0, "NaN is a value and no gap"
    read = pandas.read_parquet(tmp_path / "curves.parquet")
    for name in COLUMNS[:4]:
        read[name] = read[name].astype("str")
    read["step"] = read["step"].astype("Int64")
    pandas.testing.assert_frame_equal(read, to_dataframe(table), check_exact=True)


def test_parquet_is_written_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("auditor.compare.curve_table.BATCH", 4)
    table = rows(HISTORY * 3)
    to_parquet(table, tmp_path / "curves.parquet")
    found = parquet.ParquetFile(tmp_path / "curves.parquet")
    assert found.metadata.num_row_groups == 5
    assert [row["tag"] for row in found.read().to_pylist()] == [row.tag for row in table]
    assert to_parquet([], tmp_path / "empty.parquet") == 0
    assert tuple(parquet.read_table(tmp_path / "empty.parquet").column_names) == COLUMNS


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("pandas", "a DataFrame needs pandas, which is not installed"),
        ("pyarrow", "a parquet file needs pyarrow, which is not installed"),
    ],
)
def test_what_is_not_installed_is_said(
    module: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError) as caught:
        to_dataframe([]) if module == "pandas" else to_parquet([], tmp_path / "x.parquet")
    assert (caught.value.message, caught.value.hint) == (
        says,
        "in the folder of auditor: pip install '.[tables]'",
    )
    assert not (tmp_path / "x.parquet").exists()


def test_rows_come_one_by_one() -> None:
    """A million rows are not gathered before the first is written."""
    history = json.loads(json.dumps([{"loss": 1.0, "step": n} for n in range(1000)]))
    files = {"adapter_config.json": adapter(), "trainer_state.json": state(log_history=history)}
    taken = rows_of(run_of(files))
    assert next(taken).step == 0
    assert len(list(taken)) == 999
