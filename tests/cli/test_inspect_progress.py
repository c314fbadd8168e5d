"""Progress of long inspections on stderr: nothing below two seconds, nothing with --quiet, nothing left behind."""

import time

import pytest

from auditor.cli import _inspect_output as outputs

Capture = pytest.CaptureFixture[str]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: answer, raising=False)


def test_a_bar_comes_after_two_seconds_and_goes_at_the_end(
    clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_terminal(monkeypatch, True)
    tell = outputs.progress(False)
    clock.now += 1.9
    tell(1, 4, "reading weights")
    assert capsys.readouterr().err == ""
    clock.now += 0.2
    tell(2, 4, "reading weights")
    assert capsys.readouterr().err == "\r\x1b[K[############------------] reading weights, 50 %"
    tell(4, 4, "reading weights")
    assert capsys.readouterr().err == "\r\x1b[K"
    tell(4, 4, "reading weights")
    assert capsys.readouterr().err == ""


def test_lines_come_every_fifteen_seconds_where_there_is_no_terminal(
    clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_terminal(monkeypatch, False)
    tell = outputs.progress(False)
    for step in range(1, 32):
        clock.now += 1.0
        tell(step, 32, "trying seeds")
    assert capsys.readouterr().err == "trying seeds, 46 %\ntrying seeds, 93 %\n"


def test_quiet_tells_nothing(clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_terminal(monkeypatch, True)
    tell = outputs.progress(True)
    clock.now += 60
    tell(1, 2, "reading weights")
    assert capsys.readouterr().err == ""
