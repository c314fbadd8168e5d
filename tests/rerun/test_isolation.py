"""Folders of the user's that stand before the libraries: nothing of theirs may run or be imported where it trains."""

import importlib.metadata
import importlib.util
import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.rerun.environments import isolation
from auditor.rerun.environments.interpreter import Interpreter

LOOK = """
import importlib.util, os, site, sys
print(importlib.util.find_spec("pytest").origin)
print("ran" if "CANARY" in os.environ else "quiet")
print(site.ENABLE_USER_SITE)
print([entry for entry in sys.path if entry.startswith(sys.argv[1])])
"""
HERE = Interpreter(Path(sys.executable), {"pytest": importlib.metadata.version("pytest")})


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with a module of a library's name, and one that Python runs by itself when it starts."""
    (tmp_path / "pytest.py").write_text("raise SystemExit(7)\n")
    (tmp_path / "sitecustomize.py").write_text("import os; os.environ['CANARY'] = '1'\n")
    return tmp_path


def looked(variables: dict[str, str], folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(folder)],
        env=variables,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_the_canary_sings_where_nothing_is_taken_away(hostile: Path) -> None:
    assert looked({**os.environ, "PYTHONPATH": str(hostile)}, hostile) == [
        str(hostile / "pytest.py"),
        "ran",
        str(site.ENABLE_USER_SITE),
        f"['{hostile}']",
    ]


def test_a_module_put_before_the_libraries_is_not_imported(hostile: Path) -> None:
    for packages in ({}, {"pytest": "8"}):  # this Python, and one of an environment of its own
        kept = Interpreter(HERE.python, HERE.versions, packages).variables(
            {**os.environ, "PYTHONPATH": f"{hostile}{os.pathsep}", "PYTHONUSERBASE": str(hostile)}
        )
        spec = importlib.util.find_spec("pytest")
        assert spec is not None
        assert looked(kept, hostile) == [spec.origin, "quiet", "False", "[]"]


def test_what_was_taken_away_is_named_without_its_value(hostile: Path) -> None:
    user = {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/usr/lib/cuda",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(hostile),
        "PYTHONSTARTUP": "/start.py",
        "PYTHONINSPECT": "1",
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error::torch.Canary",
        "LD_PRELOAD": "/canary.so",
        "ACCELERATE_MIXED_PRECISION": "bf16",
        "RANK": "1",
        "WORLD_SIZE": "8",
        "OMPI_COMM_WORLD_SIZE": "8",
    }
    kept = HERE.variables(user)
    stays = {name: user[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONUTF8")}
    assert kept == {**stays, "PYTHONNOUSERSITE": "1"}
    assert isolation.removed(user, kept) == tuple(sorted(set(user) - set(stays)))


def test_a_folder_that_holds_the_libraries_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on clusters whose modules put torch on PYTHONPATH: what it requires may lie in another folder."""
    for folder, name, requires in (
        ("a", "canary-one", "Canary_Two>=1 ; python_version > '3'"),
        ("b", "canary-two", ""),
    ):
        info = tmp_path / folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        lines = [f"Name: {name}", "Version: 1.0", *([f"Requires-Dist: {requires}"] if requires else [])]
        (info / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
    (tmp_path / "c").mkdir()
    places = [str(tmp_path / name) for name in "abc"]
    for place in places:
        monkeypatch.syspath_prepend(place)
    user = {"PYTHONPATH": os.pathsep.join([*places, "relative", ""])}
    kept = Interpreter(Path(sys.executable), {"canary-one": "1.0"}).variables(user)
    assert kept["PYTHONPATH"] == os.pathsep.join(places[:2])
    assert isolation.removed(user, kept) == ("PYTHONPATH",)


def test_the_users_own_site_packages_stay_where_the_libraries_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = Path(str(importlib.metadata.distribution("pytest").locate_file("")))
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(at))
    kept = HERE.variables({"PYTHONUSERBASE": "/user"})
    assert kept == {"PYTHONUSERBASE": "/user"}
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path))
    assert HERE.variables({"PYTHONUSERBASE": "/user"}) == {"PYTHONNOUSERSITE": "1"}


def test_a_command_of_the_users_own_gets_the_variables_as_they_are() -> None:
    user = {"PYTHONPATH": "/own", "RANK": "0"}
    assert Interpreter(Path(sys.executable), {}).variables(user) == user


def test_a_relative_folder_is_not_kept_although_a_library_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be another folder where the child starts."""
    place = Path(str(importlib.metadata.distribution("pytest").locate_file(""))).resolve()
    monkeypatch.chdir(place.parent)
    for entry, kept in ((str(place), str(place)), (place.name, None)):
        assert isolation.isolated({"PYTHONPATH": entry}, ["pytest"]).get("PYTHONPATH") == kept


def test_what_a_library_requires_is_read_without_its_extras() -> None:
    lines = [
        "NumPy>=1.2",
        'peft (>=0.1) ; extra == "all"',
        "typing_extensions; python_version < '4'",
        "",
        "[x]",
    ]
    assert list(isolation._required(lines)) == ["numpy", "typing_extensions"]
