import pytest

from auditor.artifacts import trainer_log
from auditor.artifacts.trainer_log import TrainerLog
from auditor.errors import CannotRead
from tests.builders.blobs import blob

OLD = b'{"current_steps": 10, "total_steps": 30, "loss": 1.5, "lr": 1e-05, "epoch": 0.3, "elapsed_time": "0:01"}\n'
NEW = b'{"current_steps": 20, "total_steps": 30, "loss": 1.25, "learning_rate": 5e-06, "epoch": 0.7}\n'
LAST = b'{"current_steps": 30, "total_steps": 30, "epoch": 1.0, "percentage": 100.0}\n'


def parse(data: bytes) -> TrainerLog:
    return TrainerLog.parse(blob(data, "trainer_log.jsonl"))


def test_both_spellings_of_the_learning_rate() -> None:
    found = parse(OLD + NEW + b"\n" + LAST)
    assert found.rows == (
        (10, {"loss": 1.5, "learning_rate": 1e-05}),
        (20, {"loss": 1.25, "learning_rate": 5e-06}),
        (30, {}),
    )
    assert found.total_steps == 30
    assert found.facts()["loss@20"].value == 1.25


def test_rows_without_a_step_are_left_out() -> None:
    assert parse(b'{"loss": 1.0}\n{"current_steps": true, "loss": 1.0}\n').rows == ()


@pytest.mark.parametrize("data", [b"{", b"[1]\n", b'"x"\n', OLD + b"\xff\xff\n", b"[" * 50_000])
def test_bad_lines_are_refused_with_their_number(data: bytes) -> None:
    with pytest.raises(CannotRead, match=r"line [12] that is no JSON"):
        parse(data)


def test_lines_and_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CannotRead, match="longer than any log"):
        parse(b'{"x": "' + b"a" * trainer_log.LINE_LIMIT + b'"}')
    monkeypatch.setattr(trainer_log, "ROW_LIMIT", 2)
    with pytest.raises(CannotRead, match="longer than any log"):
        parse(OLD * 3)
