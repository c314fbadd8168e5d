"""A folder without a model is neither a pass nor clean, in any format."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from auditor import discover
from auditor.cli import run
from auditor.cli._output import renderer
from auditor.engine import audit
from auditor.model import Report
from auditor.policy import Policy
from auditor.report._load import from_json
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy

CARD = b"# A project\n\nCode, and no model.\n"


def checked(**files: bytes) -> Report:
    snapshot = memory_snapshot("x", {name.replace("_", "."): data for name, data in files.items()})
    return audit.check(snapshot, audit.Options())


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"README_md": CARD},
        {"_gitattributes": b"*.bin filter=lfs\n"},
        {"train_jsonl": b"{}\n", "a_py": b"1\n"},
    ],
)
def test_nothing_of_a_model_is_no_pass(files: dict[str, bytes]) -> None:
    report = checked(**files)
    assert (report.verdict, report.exit_code) == ("nothing checked", 3)
    assert {answer.state for answer in report.answers} == {"open"}
    assert report.summary.endswith("no file of a model or of a training was found.")


def test_one_file_of_a_model_is_something() -> None:
    report = checked(README_md=CARD, config_json=b'{"model_type": "gemma3"}')
    assert (report.verdict, report.exit_code) == ("pass", 0)


def test_a_pickle_of_any_name_is_something() -> None:
    data = healthy().files["training_args.bin"].read(1 << 20)
    report = checked(weights_dat=data)
    assert report.verdict == "pass"
    assert report.answers[1].says == "what was found calls nothing unknown (pickle-under-another-name)"


def test_a_branch_that_removes_the_model_is_no_pass() -> None:
    report = audit.compare(healthy(), memory_snapshot("head", {"README.md": CARD}), True, audit.Options())
    assert (report.verdict, report.exit_code) == ("nothing checked", 3)


def test_coverage_that_is_required_cannot_be_had_without_claims() -> None:
    snapshot = memory_snapshot("x", {"config.json": b'{"model_type": "gemma3"}'})
    report = audit.check(snapshot, audit.Options(policy=Policy(require_coverage=0.5)))
    assert (report.verdict, report.exit_code) == ("incomplete", 3)
    assert "0% of the claims verified where 50% is required" in report.summary


@pytest.mark.parametrize("name", discover.names("auditor.report"))
def test_every_format_says_so(name: str) -> None:
    text = renderer(name).render(checked())
    assert "nothing checked" in text.lower() or "nothing-checked" in text or "Where is the model?" in text
    assert "Nothing speaks against" not in text


def test_a_stored_one_is_rendered_again() -> None:
    stored = renderer("json").render(checked())
    assert renderer("json").render(from_json(stored)) == stored


def test_pages_of_other_tools_do_not_show_a_pass() -> None:
    sarif = json.loads(renderer("sarif").render(checked()))
    (invocation,) = sarif["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["level"] == "error"
    (suite,) = ElementTree.fromstring(renderer("junit").render(checked()))
    assert (suite.get("errors"), len(suite.findall("testcase/error"))) == ("1", 1)
    (issue,) = json.loads(renderer("gitlab").render(checked()))
    assert issue["check_name"] == "nothing-checked"
    assert renderer("github").render(checked()).startswith("::error title=audit nothing checked::")


def test_inspect_of_nothing_could_not_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("hi")
    assert run(["inspect", str(tmp_path)]) == 3
    assert "No adapter, checkpoint or training state was found." in capsys.readouterr().out
