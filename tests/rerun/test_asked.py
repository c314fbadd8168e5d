"""Words and releases that ``--environment`` takes, on the command line and in the base ref's policy."""

from pathlib import Path

import pytest

from auditor.claims import build
from auditor.errors import UsageError
from auditor.rerun import command
from auditor.rerun.environments.asked import checked, named
from auditor.rerun.options import RerunOptions
from auditor.rerun.planning.planned import plan_only
from tests.builders.command import audit
from tests.builders.repos import commit, init
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

PINS = "transformers==4.48.3, peft == 0.14.0"


def test_words_name_no_release() -> None:
    assert named("current") == named("recorded") == {}


def test_releases_are_named() -> None:
    assert named(PINS) == {"transformers": "4.48.3", "peft": "0.14.0"}
    assert named("peft==0.14.0,peft==0.14.0") == {"peft": "0.14.0"}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("recored", "there is no environment 'recored'"),
        ("transformers=4.48", "there is no environment 'transformers=4.48'"),
        ("torch==2.6.0", "--environment names 'torch==2.6.0'"),
        ("peft==0.14.0,", "--environment names ''"),
        ("peft==", "--environment names 'peft==', which is no final release"),
        ("peft==0.14.0.dev0", "--environment names 'peft==0.14.0.dev0', which is no final release"),
        (
            "peft==0.14.0 --index-url=x",
            "--environment names 'peft==0.14.0 --index-url=x', which is no final release",
        ),
        ("peft==0.14.0,peft==0.15.0", "--environment names two releases of peft"),
    ],
)
def test_what_names_nothing_that_can_be_installed_is_refused(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        named(word)
    assert caught.value.message == message


def test_a_library_that_the_plan_does_not_import_is_refused() -> None:
    checked("tokenizers==0.21.0,peft==0.14.0", ("torch", "transformers", "peft"))
    with pytest.raises(UsageError, match="this plan trains without trl"):
        checked("trl==0.17.0", ("torch", "transformers", "peft"))


def test_a_plan_says_it_before_anything_is_trained() -> None:
    run = v.run_of(v.committed())
    options = RerunOptions(base=TINY_BASE, data=v.DATA, environment=PINS)
    made = plan_only(run, build(run), options)
    assert made.libraries["accelerate"].assumed
    with pytest.raises(UsageError, match="this plan trains without trl"):
        plan_only(run, build(run), RerunOptions(base=TINY_BASE, data=v.DATA, environment="trl==0.17.0"))
    own = command.Command(("python", "{output}"), "option --command")
    with pytest.raises(UsageError, match="a command brings its own libraries"):
        plan_only(run, build(run), RerunOptions(command=own, environment=PINS))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    repo = init(tmp_path / "repo")
    commit(repo, "main", {".audit.toml": b'[rerun]\nenvironment = "torch==2.6.0"\n'})
    commit(repo, "head", {**v.committed(), ".audit.toml": b'[rerun]\nenvironment = "recorded"\n'})
    return repo


GIVEN = ("--base", str(TINY_BASE), "--data", str(v.DATA))


def test_the_base_refs_policy_is_asked(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names torch, which is refused; the option outranks it, and no branch under review is asked."""
    compared = ("compare", "main", "head", "--repo", str(repository), "--rerun", *GIVEN)
    done = audit(capsys, *compared)
    assert (done.code, done.err.splitlines()[0]) == (2, "audit: --environment names 'torch==2.6.0'")
    done = audit(capsys, *compared, "--environment", "trl==0.17.0")
    assert (done.code, done.err.splitlines()[0]) == (2, "audit: this plan trains without trl")


def test_the_policy_of_what_is_audited_installs_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = ("rerun", "head", "--repo", str(repository), "--plan", *GIVEN)
    done = audit(capsys, *alone)
    assert done.code == 2
    assert done.err.splitlines() == [
        "audit: the environment in head:.audit.toml:2 is that of what is audited, and it is not installed",
        "hint: give it with --environment recorded, or give --environment current",
    ]
    assert audit(capsys, *alone, "--environment", "current").code == 0


@pytest.mark.parametrize("share", ["0", "1.5", "-0.1", "nan"])
def test_a_share_of_no_step_or_of_more_than_all_is_refused(
    capsys: pytest.CaptureFixture[str], share: str
) -> None:
    done = audit(
        capsys, "rerun", "--plan", "--base", str(TINY_BASE), "--data", str(v.DATA), "--coverage", share
    )
    assert done.code == 2
    assert f"--coverage {float(share):g} is no share of the steps" in done.err
    assert "give a number above 0 and at most 1, such as 0.3" in done.err
