"""The user's own script as the trainer: parsed, refused, ended, and two foreign scripts judged through it."""

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.claims import build
from auditor.cli import _reruns
from auditor.engine._look import base_config
from auditor.errors import IncompleteError, UsageError
from auditor.model import RerunPlan, RerunResult, Setting, Span, Verdict
from auditor.policy import Policy
from auditor.policy import parse as policy_of
from auditor.rerun import command as commands
from auditor.rerun.command import Command
from auditor.rerun.judging.verdict import judge
from auditor.rerun.options import RerunOptions, silent
from auditor.rerun.outputs import Outputs
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import trainers
from auditor.rerun.runner import EndedEarlyError
from auditor.runs import Run, group, read
from auditor.sources import directory
from tests.builders.command import audit
from tests.builders.repositories import TINY_BASE
from tests.rerun import tiny_llama
from tests.rerun import variants as v
from tests.rerun.whole import experiment_of

SCRIPTS = Path(__file__).with_name("scripts")
PYTHON = shlex.quote(sys.executable)


def parsed(text: str, *audited: Path) -> Command:
    return commands.parse(text, "option --command", audited)


def test_a_value_with_spaces_stays_one_word() -> None:
    found = parsed(f"{PYTHON} -c x --out={{output}} '{{data}}' --json '{{\"a\": 1}}'")
    made = found.filled({"output": "/a b/c", "data": "/d e"})
    assert made[1:] == ["-c", "x", "--out=/a b/c", "/d e", "--json", '{"a": 1}']
    assert found.uses("output")
    assert not found.uses("seed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the command is empty"),
        ("python 'x {output}", "the command cannot be read: no closing quotation"),
        (f"{PYTHON} x {{output}} {{outptu}}", r"unknown placeholder \{outptu\}"),
        (f"{PYTHON} x", r"names no \{output\}"),
        ("no-such-program {output}", "the command's program 'no-such-program' is not there"),
    ],
)
def test_what_is_no_command_says_why(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parsed(text)


def test_files_of_the_current_folder_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.py").write_text("")
    monkeypatch.chdir(tmp_path)
    found = parsed(f"{PYTHON} train.py --config=train.py other.py {{output}}")
    here = str(tmp_path / "train.py")
    assert found.words[1:] == (here, f"--config={here}", "other.py", "{output}")


@pytest.mark.parametrize("word", ["train.py", "--config=train.py", "sub/../train.py", "link.py"])
def test_nothing_of_what_is_audited_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "train.py").write_text("")
    (tmp_path / "link.py").symlink_to(tmp_path / "train.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"lies in what is audited; nothing of that is executed"):
        parsed(f"{PYTHON} {word} {{output}}", tmp_path)


def test_a_text_for_a_shell_must_not_name_it_either(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing of that is executed"):
        parsed(f"{PYTHON} -c 'exec(open(\"{tmp_path}/train.py\"))' {{output}}", tmp_path)
    assert parsed(f"{PYTHON} {'x' * 5000} {{output}}", tmp_path).uses("output")


def test_no_module_is_imported_from_what_is_audited(tmp_path: Path) -> None:
    found = parsed(f"{PYTHON} x {{output}}", tmp_path)
    kept = str(tmp_path.parent)
    variables = {"PYTHONPATH": os.pathsep.join([str(tmp_path), "", str(tmp_path / "lib"), kept]), "A": "b"}
    assert found.environment(variables) == {"PYTHONPATH": kept, "A": "b"}
    assert found.environment({"PYTHONPATH": str(tmp_path)}) == {}


def test_the_command_of_the_audited_tree_is_not_run() -> None:
    policy = policy_of({"rerun": {"command": f"{PYTHON} -c pass {{output}}"}}, "head:.audit.toml")
    with pytest.raises(UsageError, match=r"the command in head:\.audit\.toml is that of what is audited"):
        _reruns.by(policy, None, None, (), trusted=False)
    assert _reruns.by(policy, "reference", None, (), trusted=False) == ("reference", None)
    name, found = _reruns.by(policy, None, None, (), trusted=True)
    assert found is not None
    assert (name, found.source) == ("command", "head:.audit.toml")
    assert _reruns.by(Policy(), None, None, (), trusted=False) == ("auto", None)


def test_words_of_an_array_are_a_command_too() -> None:
    policy = policy_of({"rerun": {"command": [sys.executable, "a b", "{output}"]}}, "main:.audit.toml")
    _, found = _reruns.by(policy, None, None, (), trusted=True)
    assert found is not None
    assert found.words == (sys.executable, "a b", "{output}")


@pytest.mark.parametrize("table", [{"command": 3}, {"command": []}, {"command": [1]}, {"trainer": "ppo"}])
def test_a_policy_with_another_command_or_trainer_is_refused(table: Mapping[str, object]) -> None:
    with pytest.raises(UsageError, match=r"in \[rerun\] of x is"):
        policy_of({"rerun": table}, "x")


def plan(files: v.Files, text: str, **more: object) -> RerunPlan:
    run = v.run_of(files)
    inputs: dict[str, object] = {"base": TINY_BASE, "data": v.DATA, "command": parsed(text), **more}
    return planning.build(run, build(run), **inputs)  # type: ignore[arg-type]


def test_a_plan_by_a_command_holds_what_it_fills_in() -> None:
    made = plan(v.committed(), f"{PYTHON} -c x {{output}} {{seed}} {{max_steps}}")
    assert set(made.settings) == {"trainer", "command", "seed", "max_steps"}
    assert made.settings["trainer"] == Setting("command", "option --command")
    assert (made.obstacles, made.alternatives, made.span) == ((), (), "whole")


def test_a_command_that_cannot_stop_trains_the_whole() -> None:
    made = plan(v.committed(), f"{PYTHON} -c x {{output}}", steps=9)
    assert made.obstacles == (
        "the command has no {stop_at}, so it cannot be ended after 9 of 18 steps: add it, or give --steps 18",
    )
    able = plan(v.committed(), f"{PYTHON} -c x {{output}} {{stop_at}}", steps=9)
    assert (able.obstacles, able.span, able.parts) == ((), "prefix", (Span(0, 9),))


def test_without_a_total_a_command_must_not_ask_for_it() -> None:
    files = v.without(v.committed(), "trainer_state.json", "training_args.bin", v.event_path())
    asked = plan(files, f"{PYTHON} -c x {{output}} {{max_steps}}").obstacles
    assert asked[0].startswith("no file says how many steps the schedule had")
    assert plan(files, f"{PYTHON} -c x {{output}}").obstacles == ()


def ran(tmp_path: Path, script: str, timeout: float | None = 30) -> Path:
    scratch, output = tmp_path / "scratch", tmp_path / "made"
    scratch.mkdir()
    words = [sys.executable, "-c", script, str(output)]
    commands.run(words, output, scratch, environment=dict(os.environ), timeout=timeout)
    return output


MAKE = "import os, sys; os.mkdir(sys.argv[1]); open(sys.argv[1] + '/x', 'w').close()\n"


def test_a_command_runs_in_a_folder_of_its_own_and_its_releases_are_told(tmp_path: Path) -> None:
    import json

    output = ran(tmp_path, MAKE + "open('here', 'w').close()")
    assert (tmp_path / "scratch" / "here").is_file()
    told = json.loads((output / "environment.json").read_text())
    assert {"numpy"} <= set(told["versions"])
    assert told["device"] in ("cpu", "cuda")


def test_a_failing_command_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"the command ended with code 3\n(.*\n)*no such rate"):
        ran(tmp_path, "import sys; print('begin'); print('no such rate', file=sys.stderr); sys.exit(3)")


def test_a_command_that_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"the command left nothing in \{output\}"):
        ran(tmp_path, "pass")


def test_time_ends_the_whole_group(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    began = time.monotonic()
    with pytest.raises(EndedEarlyError, match="the command did not finish in 2 seconds"):
        ran(tmp_path, script, timeout=2)
    assert time.monotonic() - began < 20
    status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_an_interrupt_ends_the_command(tmp_path: Path) -> None:
    """SIGTERM, as a cancelled CI job sends it; it counts as Ctrl-C."""
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    with pytest.raises(EndedEarlyError, match="the command was interrupted"):
        ran(
            tmp_path,
            f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)",
        )
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


@pytest.mark.parametrize(
    ("first", "known"), [(f"#!{sys.executable}\n", True), ("#!/bin/sh\n", False), ("", False)]
)
def test_the_interpreter_of_a_launcher_is_asked(tmp_path: Path, first: str, known: bool) -> None:
    launcher = tmp_path / "accelerate"
    launcher.write_text(first)
    assert bool(commands.versions(str(launcher), tmp_path, dict(os.environ))) is known


def test_unknown_releases_excuse_and_known_ones_do_not() -> None:
    made = plan(v.committed(), f"{PYTHON} -c x {{output}}")
    run = v.run_of(v.committed())
    assert trainers.stands_in(run, made, {"versions": {"torch": "2.13.0"}}) is None
    assert trainers.stands_in(run, made, {}) == "the releases that the command trains with are not known"


@dataclass(frozen=True)
class Lab:
    """Two scripts that this process ran honestly and at another rate, and what each leaves as a command."""

    folder: Path
    base: Path
    data: Path

    def run_of(self, name: str) -> Run:
        return group(read(directory.snapshot(self.folder / name)), base_config(self.base))[0]

    def finetune(self, name: str, *more: str) -> None:
        from tests.rerun.scripts import finetune

        given = ("--model_name_or_path", str(self.base), "--train_file", str(self.data))
        with tiny_llama.as_in_a_child():
            finetune.main([*given, "--output_dir", str(self.folder / name), *more])

    def loop(self, name: str, *more: str) -> None:
        from tests.rerun.scripts import own_loop

        with tiny_llama.as_in_a_child():
            own_loop.main([str(self.base), str(self.data), str(self.folder / name), "42", *more])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("foreign")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield Lab(folder, tiny_llama.make_base(folder / "base"), tiny_llama.make_rows(folder / "rows.jsonl"))


def trained(lab: Lab, name: str, text: str) -> tuple[RerunPlan, Outputs]:
    """One training by the command and one under other instructions: the least that a verdict needs."""
    command = parsed(text, lab.folder / name)
    options = RerunOptions(base=lab.base, data=lab.data, repeats=1, command=command)
    run = lab.run_of(name)
    made = planning.build(run, build(run), lab.base, lab.data, command=command)
    assert made.obstacles == ()
    return made, experiment_of(made, options, silent, lab.folder / f"trained-{name}", "cpu")


def judged(lab: Lab, name: str, made: RerunPlan, outputs: Outputs) -> RerunResult:
    run = lab.run_of(name)
    return judge(run, build(run), made, outputs)


@pytest.mark.rerun
def test_a_trainer_script_judges_its_own_run_and_one_at_another_rate(lab: Lab) -> None:
    lab.finetune("honest")
    lab.finetune("forged", "--learning_rate", "2.2e-3")
    made, outputs = trained(
        lab,
        "honest",
        f"{PYTHON} {SCRIPTS / 'finetune.py'} --model_name_or_path {{base}} --train_file {{data}} "
        "--output_dir {output} --seed {seed} --max_steps {max_steps} --stop_at {stop_at}",
    )
    honest = judged(lab, "honest", made, outputs)
    assert honest.verdict is Verdict.IDENTICAL
    told = {item.aspect for item in honest.aspects if item.verdict is Verdict.IDENTICAL}
    assert {"curve", "weights", "optimizer", "scheduler", "rng", "state"} <= told
    assert honest.does_not_prove[0].startswith("How the command seeds, orders and batches its rows")
    assert honest.floor is not None
    assert 0 < honest.floor < 1e-3
    forged = judged(lab, "forged", made, outputs)
    assert forged.verdict is Verdict.DIVERGED
    assert forged.first_divergence is not None
    assert forged.first_divergence.step == 2  # the rate of step 1 is 0 in both: one step of warm-up


@pytest.mark.rerun
def test_a_loop_of_ones_own_is_judged_by_its_adapter_alone(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.loop("loop")
    lab.loop("forged-loop", "5.5e-3")
    text = f"{PYTHON} {SCRIPTS / 'own_loop.py'} {{base}} {{data}} {{output}} {{seed}}"
    made, outputs = trained(lab, "loop", text)
    honest = judged(lab, "loop", made, outputs)
    assert honest.verdict is Verdict.IDENTICAL
    agree = {item.aspect for item in honest.aspects if item.verdict is Verdict.IDENTICAL}
    assert agree == {"weights", "parameters"}
    forged = judged(lab, "forged-loop", made, outputs)
    assert forged.verdict is Verdict.DIVERGED
    given = ("--base", str(lab.base), "--data", str(lab.data), "--command", text)
    done = audit(capsys, "rerun", str(lab.folder / "loop"), *given, "--plan")
    assert done.code == 0
    assert "option --command" in done.out
