import os
from pathlib import Path

import pytest

from auditor.artifacts.pickle_archive import PickleArchive
from auditor.model import Severity
from tests.builders import pickles
from tests.builders.pickles import make_torch
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.safety.pickled import Calls, archive

RULE = "unsafe-pickle-call"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize("path", ["training_args.bin", "checkpoint-18/optimizer.pt", "extra/weights.pkl"])
def test_fails_and_runs_nothing(path: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    command = f"touch {canary}"
    (only,) = found(RULE, healthy(data={path: archive({"a": Calls(os.system, command)})}))
    assert not canary.exists()
    assert (only.severity, only.at.path) == (ERROR, path)
    assert only.message.startswith("opening the file calls posix.system with ")
    assert "touch" in only.message


def test_fails_with_the_whole_finding() -> None:
    data = archive([Calls(os.system, "echo one"), Calls(os.popen, "echo two")])
    (only,) = found(RULE, healthy(data={"extra.pt": data}))
    calls = PickleArchive.parse(healthy(data={"extra.pt": data}).files["extra.pt"]).unsafe
    assert [call.callable for call in calls] == ["posix.system", "os.popen"]
    assert only == finding(
        RULE,
        ERROR,
        f"opening the file calls posix.system with {calls[0].argument}, and makes 1 more such call",
        "extra.pt",
        expected="only the constructors of training files",
        observed=f"posix.system at byte {calls[0].offset}",
        evidence=(
            f"byte {calls[0].offset}: posix.system with {calls[0].argument}",
            f"byte {calls[1].offset}: os.popen with {calls[1].argument}",
        ),
    )
    assert "echo one" in calls[0].argument
    assert "echo two" in calls[1].argument


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched (and 4 more)"]


@pytest.mark.parametrize(
    ("path", "module", "name", "severity"),
    [
        ("data/answers.pkl", "openai.openai_object", "OpenAIObject", WARNING),
        ("data/answers.pkl", "requests.models", "Response", WARNING),
        ("data/answers.pkl", "http.cookiejar", "DefaultCookiePolicy", WARNING),
        ("data/answers.pkl", "http.client", "HTTPConnection", ERROR),
        ("data/answers.pkl", "subprocess", "Popen", ERROR),
        ("data/answers.pkl", "openai.cli", "main", ERROR),
        ("data/answers.pkl", "requests", "Session", ERROR),
        ("training_args.bin", "openai.openai_object", "OpenAIObject", ERROR),
    ],
)
def test_fails_mildly_for_an_unknown_class_in_a_data_file(
    path: str, module: str, name: str, severity: Severity
) -> None:
    data = make_torch(pickles.Call(pickles.Global(module, name), ("x",)))
    (only,) = found(RULE, healthy(data={path: data}))
    assert (only.severity, only.at.path) == (severity, path)
