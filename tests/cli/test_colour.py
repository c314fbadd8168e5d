"""When text is coloured: as asked, by NO_COLOR and FORCE_COLOR, on terminals that show it."""

import os
import pty
import subprocess
import sys

import pytest

from auditor.cli import run
from auditor.cli._output import wants_colour

EXPLAIN = ("explain", "licence-missing")


@pytest.mark.parametrize(
    ("color", "tty", "environment", "coloured"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ("auto", True, {"FORCE_COLOR": "0"}, False),
        ("auto", False, {"FORCE_COLOR": ""}, False),
        ("auto", True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_who_decides(
    monkeypatch: pytest.MonkeyPatch, color: str, tty: bool, environment: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(color, tty) is coloured


def test_no_color_is_never(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert run(EXPLAIN) == 0
    assert "\x1b[" in capsys.readouterr().out
    assert run([*EXPLAIN, "--no-color"]) == 0
    assert "\x1b[" not in capsys.readouterr().out


@pytest.mark.parametrize(("extra", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_is_known_as_one(extra: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    subprocess.run(
        [sys.executable, "-m", "auditor", *EXPLAIN],
        stdout=theirs,
        env={**kept, "TERM": "xterm", **extra},
        check=True,
    )
    os.close(theirs)
    assert (b"\x1b[" in os.read(ours, 4096)) is coloured
    os.close(ours)
