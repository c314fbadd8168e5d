"""Which Python trains a plan: this one, or one with the recorded releases where they differ from those here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.model import RerunPlan, Setting
from auditor.rerun.environments import environment, interpreter, venv
from auditor.rerun.environments.interpreter import Interpreter, chosen
from tests.rerun import variants as v

HERE = {
    "torch": "2.13.0",
    "transformers": "5.23.0",
    "peft": "0.21.2",
    "accelerate": "1.15.0",
    "bitsandbytes": "0.50.2",
}
MADE = {"transformers": "4.51.3", "peft": "0.13.2", "accelerate": "1.6.0"}


def plan(**releases: str | None) -> RerunPlan:
    settings = {name: Setting(release, "a file", release is None) for name, release in releases.items()}
    return replace(v.plan_of_fixture(), libraries=settings)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, str]]:
    """The releases that an environment was asked for; nothing is built."""
    asked: list[Mapping[str, str]] = []

    def build(wanted: Mapping[str, str], root: Path, tell: object) -> Path:
        asked.append(wanted)
        return root / "one" / "bin" / "python"

    monkeypatch.setattr(environment, "versions", lambda libraries: {name: HERE[name] for name in libraries})
    monkeypatch.setattr(environment, "installed", HERE.get)
    monkeypatch.setattr(venv, "build", build)
    monkeypatch.setattr(venv, "packages", lambda folder: {**HERE, **MADE, "tokenizers": "0.21.4"})
    return asked


def test_the_current_environment_builds_nothing(built: list[Mapping[str, str]]) -> None:
    found = interpreter.interpreter(plan(**MADE), "current", lambda _: None)
    assert (found.versions, found.is_current, built) == (HERE, True, [])


def test_the_recorded_one_has_the_releases_that_made_the_run(built: list[Mapping[str, str]]) -> None:
    found = interpreter.interpreter(plan(**MADE), "recorded", lambda _: None)
    assert built == [MADE]
    assert found.versions == {**HERE, **MADE}
    assert found.packages["tokenizers"] == "0.21.4"


def test_what_is_installed_here_is_not_built_again(built: list[Mapping[str, str]]) -> None:
    told: list[str] = []
    same = plan(transformers="5.23.0", peft="0.21.2", accelerate=None)
    assert interpreter.interpreter(same, "recorded", told.append).is_current
    assert built == []
    assert told == ["the releases that made the run are those installed here"]


def test_releases_asked_for_stand_before_recorded_ones(built: list[Mapping[str, str]]) -> None:
    told: list[str] = []
    interpreter.interpreter(plan(**MADE), "transformers==4.48.3,tokenizers==0.21.0", told.append)
    assert built == [{**MADE, "transformers": "4.48.3", "tokenizers": "0.21.0"}]
    same = "transformers==5.23.0,peft==0.21.2,accelerate==1.15.0"
    assert interpreter.interpreter(plan(**MADE), same, told.append).is_current
    assert told == ["the releases that were asked for are those installed here"]


@pytest.mark.parametrize(
    ("releases", "installs"),
    [
        ({}, {name: HERE[name] for name in ("transformers", "peft", "accelerate")}),
        (
            {"transformers": "4.51.3", "peft": None},
            {"transformers": "4.51.3", "peft": "0.21.2", "accelerate": "1.15.0"},
        ),
        ({**MADE, "tokenizers": "0.21.1"}, {**MADE, "tokenizers": "0.21.1"}),
        ({**MADE, "bitsandbytes": "0.45.5"}, {**MADE, "bitsandbytes": "0.45.5"}),
        ({**MADE, "torch": "2.6.0", "trl": "0.17.0"}, MADE),
    ],
)
def test_what_is_installed_is_what_the_child_imports(
    releases: dict[str, str | None], installs: dict[str, str]
) -> None:
    assert chosen(plan(**releases), HERE) == installs


def test_an_environment_of_its_own_is_not_led_to_other_packages() -> None:
    user = {"PATH": "/bin", "PYTHONPATH": "/elsewhere", "VIRTUAL_ENV": "/v"}
    assert Interpreter(Path("python"), {}, {"peft": "0.13.2"}).variables(user) == {
        "PATH": "/bin",
        "PYTHONNOUSERSITE": "1",
    }


def test_another_word_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="there is no environment 'recored'"):
        interpreter.interpreter(plan(), "recored", lambda _: None)


def test_a_command_has_its_own_libraries(built: list[Mapping[str, str]]) -> None:
    command = plan(**MADE)
    command = replace(command, settings={**command.settings, "trainer": Setting("command", "--command")})
    with pytest.raises(UsageError, match="a command trains with its own Python"):
        interpreter.interpreter(command, "recorded", lambda _: None)
    assert built == []


def test_a_library_that_is_neither_recorded_nor_here_is_named() -> None:
    without = {name: release for name, release in HERE.items() if name != "peft"}
    assert chosen(plan(**MADE), without) == MADE
    with pytest.raises(UsageError, match="no file says which peft made the run, and none is installed here"):
        chosen(plan(transformers="4.51.3"), without)
