"""Environments built with uv: a stand-in for uv writes what the real one would, or fails as the real one does."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from auditor.cli._reruns import cached
from auditor.errors import IncompleteError, UsageError
from auditor.rerun import cache
from auditor.rerun.environments import linked, venv

WANTED = {"transformers": "4.51.3", "peft": "0.13.2", "accelerate": "1.6.0"}
FAKE = '''#!{python}
"""Writes an environment, or what uv writes on stderr when it fails (UV_FAILS)."""
import json, os, pathlib, sys
arguments = sys.argv[1:]
with open(os.environ["UV_LOG"], "a") as log:
    log.write(json.dumps([arguments, os.getcwd(), sorted(os.environ)]) + "\\n")
site = pathlib.Path("lib") / f"python{{sys.version_info.major}}.{{sys.version_info.minor}}" / "site-packages"
if arguments[0] == "venv":
    folder = pathlib.Path(arguments[-1])
    (folder / site).mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
elif "UV_FAILS" in os.environ:
    sys.stderr.write(os.environ["UV_FAILS"])
    sys.exit(1)
else:
    folder = pathlib.Path(arguments[arguments.index("--python") + 1]).parent.parent
    for item in arguments:
        name, mark, version = item.partition("==")
        if mark:
            info = folder / site / f"{{name}}-{{version}}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: {{version}}\\n")
'''


class Desk(NamedTuple):
    root: Path
    log: Path
    told: list[str]

    def build(self, **changed: str) -> Path:
        return venv.build({**WANTED, **changed}, self.root, self.told.append)

    def calls(self) -> list[tuple[list[str], str, list[str]]]:
        return (
            [tuple(json.loads(line)) for line in self.log.read_text().splitlines()]
            if self.log.exists()
            else []
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    program = tmp_path / "uv"
    program.write_text(FAKE.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(venv, "find_uv", lambda: str(program))
    monkeypatch.setattr(venv, "_torch", lambda: ("2.13.0", "here"))
    monkeypatch.setattr(linked, "ROOTS", ("numpy", "jinja2"))
    monkeypatch.setenv("UV_LOG", str(tmp_path / "log"))
    return Desk(tmp_path / "cache", tmp_path / "log", [])


def test_an_environment_is_built_once_and_told(desk: Desk) -> None:
    first, second = desk.build(), desk.build()
    assert first == second
    assert first.exists()
    assert len(desk.calls()) == 2
    (told,) = desk.told
    names = "transformers 4.51.3, peft 0.13.2, accelerate 1.6.0 beside torch 2.13.0"
    assert told == f"building an environment with {names} (once; it is kept in the cache)"
    assert [path.name for path in desk.root.iterdir()] == [first.parent.parent.name]


def test_releases_are_installed_without_another_torch_and_without_build_code(desk: Desk) -> None:
    desk.build()
    (_, (install, _, _)) = desk.calls()
    assert install[:2] == ["pip", "install"]
    assert install[-3:] == ["transformers==4.51.3", "peft==0.13.2", "accelerate==1.6.0"]
    assert install[install.index("--only-binary") + 1] == ":all:"
    overrides = install[install.index("--override") + 1]
    (made,) = desk.root.iterdir()
    assert (made / Path(overrides).name).read_text() == "torch ; sys_platform == 'never'\n"


def test_no_project_around_here_can_name_an_index(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = desk.log.parent / "repository"
    hostile.mkdir()
    (hostile / "uv.toml").write_text('index-url = "https://evil.example/simple"\n')
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("VIRTUAL_ENV", str(hostile))
    monkeypatch.setenv("PYTHONPATH", str(hostile))
    desk.build()
    assert desk.calls()
    for _, folder, variables in desk.calls():
        assert folder == Path(sys.executable).anchor
        assert not {"VIRTUAL_ENV", "PYTHONPATH"} & set(variables)


def test_torch_is_borrowed_after_what_the_environment_holds(desk: Desk) -> None:
    folder = desk.build(numpy="1.26.4").parent.parent
    found = venv.packages(folder)
    # numpy is the environment's own, jinja2 and what it needs are borrowed, pytest is not visible.
    assert found["numpy"] == "1.26.4"
    assert {"jinja2", "markupsafe"} <= set(found)
    assert "pytest" not in found
    borrowed = sorted(path.name for path in (folder / "borrowed").iterdir())
    assert "jinja2" in borrowed
    assert "numpy" not in borrowed
    line = next(folder.rglob("borrowed.pth"))
    assert (line.parent / line.read_text().strip()).resolve() == (folder / "borrowed").resolve()


def test_another_release_or_torch_is_another_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {desk.build(), desk.build(peft="0.14.0")}
    monkeypatch.setattr(venv, "_torch", lambda: ("2.14.0", "here"))
    assert len(names | {desk.build()}) == 3


def test_an_environment_whose_torch_is_gone_is_built_anew(desk: Desk) -> None:
    folder = desk.build().parent.parent
    link = next((folder / "borrowed").iterdir())
    link.unlink()
    link.symlink_to(folder / "gone")
    assert desk.build().exists()
    assert len(desk.calls()) == 4
    assert link.exists()


NO_SOLUTION = "error: No solution found when resolving dependencies\n  cause: Because "
NEEDS = "transformers==4.51.3 depends on tokenizers>=0.21,<0.22 and you require tokenizers==0.20.0, we can conclude."
UNREACHED = (
    "error: Failed to fetch: http://127.0.0.1:9/simple/peft/\n  cause: Connection refused (os error 111)\n"
)
FULL = "error: Failed to install: x.whl\n  cause: failed to copy\n  cause: No space left on device (os error 28)\n"


@pytest.mark.parametrize(
    ("stderr", "said"),  # as uv 0.13 prints them
    [
        (
            f"{NO_SOLUTION}there is no version of peft==0.13.2 and you require peft==0.13.2, we can conclude.\n",
            "the package index does not offer peft 0.13.2 for this Python",
        ),
        (UNREACHED, "the package index cannot be reached"),
        (FULL, "the disk is full"),
        (f"{NO_SOLUTION}{NEEDS}\n", f"Because {NEEDS}"),
        ("", "uv failed"),
    ],
)
def test_what_uv_cannot_do_is_said_in_one_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stderr: str, said: str
) -> None:
    monkeypatch.setenv("UV_FAILS", stderr)
    with pytest.raises(IncompleteError) as caught:
        desk.build()
    assert caught.value.message == f"the environment could not be built: {said}"
    assert caught.value.hint == venv.ELSEWHERE
    assert list(desk.root.iterdir()) == []


def test_without_uv_or_torch_nothing_is_built(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(UsageError, match="uv, which is not here"):
        venv.find_uv()


def test_a_full_disk_is_seen_before_anything_is_downloaded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(desk.log.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5_000_000))
    with pytest.raises(IncompleteError, match="needs 1,074 MB, and 5 MB are free in the cache"):
        desk.build()
    assert desk.calls() == []


def test_the_least_recently_used_environment_makes_room(desk: Desk) -> None:
    made = [desk.build(peft=f"0.{minor}.0") for minor in range(venv.KEPT)]
    for age, python in enumerate(reversed(made)):
        os.utime(python.parent.parent / "complete.json", (1e9 - age, 1e9 - age))
    desk.build(peft=f"0.{0}.0")  # used now
    desk.build(peft="0.99.0")
    assert [python.exists() for python in made] == [True, False, True, True, True, True]


def test_an_interrupted_build_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., object] = venv._run

    def interrupted(command: list[str], wanted: dict[str, str]) -> None:
        if command[1] == "pip":
            raise KeyboardInterrupt
        real(command, wanted)

    monkeypatch.setattr(venv, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        desk.build()
    assert list(desk.root.iterdir()) == []


def test_environments_are_listed_and_cleared_with_the_cache(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(desk.log.parent / "all"))
    python = venv.build(WANTED, cache.environments(), desk.told.append)
    listed = cached("list")
    assert "environment: transformers 4.51.3, peft 0.13.2, accelerate 1.6.0" in listed
    assert "0 finished trainings and 1 environment" in listed
    assert cached("clear").startswith("removed 0 finished trainings and 1 environment")
    assert not python.exists()
