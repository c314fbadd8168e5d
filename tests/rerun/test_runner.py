"""The child's keeper, against children that behave badly. Each fake child is a few lines of plain Python."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from auditor.errors import IncompleteError
from auditor.rerun import failure, runner
from auditor.rerun.followed import Followed
from auditor.rerun.options import RerunOptions
from auditor.rerun.runner import EndedEarlyError, run_child

TELL = "import json, sys, os, time, signal\ndef tell(**e): print(json.dumps(e), flush=True)\n"


def run(tmp_path: Path, script: str, **more: object) -> tuple[Followed, list[tuple[object, ...]]]:
    told: list[tuple[object, ...]] = []
    program = tmp_path / "child.py"
    program.write_text(TELL + script)
    options: dict[str, object] = {"timeout": 20.0, **more}
    followed = run_child(
        [{"name": "rerun"}],
        tmp_path,
        environment={**os.environ, "MARK": "here"},
        threads=1,
        steps=3,
        progress=lambda *values: told.append(values),
        command=(sys.executable, str(program)),
        **options,  # type: ignore[arg-type]
    )
    return followed, told


def gone(pid: int) -> bool:
    """True when no such process is left, zombies that nobody reaps aside."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_events_become_progress(tmp_path: Path) -> None:
    followed, told = run(
        tmp_path,
        "tell(event='imported'); tell(event='loaded', job='rerun', examples=5, steps=3)\n"
        "for n in (1, 2, 3): tell(event='step', job='rerun', step=n, loss=7.0 - n)\n"
        "tell(event='done', job='rerun', step=3)\n",
    )
    assert [(step, total, loss) for step, total, loss, _ in told] == [(1, 3, 6.0), (2, 3, 5.0), (3, 3, 4.0)]
    assert told[0][3] is None  # one step has no pace yet
    assert told[2][3] == 0.0
    assert followed.finished == ["rerun"]
    assert followed.loaded["rerun"]["examples"] == 5


def test_steps_of_earlier_children_count(tmp_path: Path) -> None:
    _, told = run(tmp_path, "for n in (1, 2): tell(event='step', step=n)\n", before=1)
    assert [values[:2] for values in told] == [(2, 3), (3, 3)]
    assert told[1][3] == 0.0


def test_the_order_is_what_the_child_reads(tmp_path: Path) -> None:
    followed, _ = run(
        tmp_path,
        "order = json.load(open(sys.argv[1]))\n"
        "assert order == {'version': 1, 'threads': 1, 'jobs': [{'name': 'rerun'}]}, order\n"
        "assert os.environ['MARK'] == 'here' and os.getcwd() == os.path.dirname(os.path.realpath(sys.argv[1]))\n"
        "tell(event='done', job='rerun')\n",
    )
    assert followed.finished == ["rerun"]


def test_garbage_on_stdout_means_nothing(tmp_path: Path) -> None:
    followed, told = run(
        tmp_path,
        "print('Some library says hello'); print('[1, 2'); print('[1]'); print('null')\n"
        "sys.stdout.buffer.write(b'\\xff\\xfe\\x00' * 1000 + b'\\n'); sys.stdout.flush()\n"
        "print('[' * 100000); print('x' * 3000000)\n"
        "tell(event='step', step='one', loss='low'); tell(event='done', job=7); tell(event='done', job='rerun')\n",
    )
    assert followed.finished == ["rerun"]
    assert [values[:3] for values in told] == [(1, 3, None)]


def test_a_child_that_says_why_it_stops(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError) as raised:
        run(
            tmp_path,
            "tell(event='step', step=1); tell(event='error', message='row 7 is empty'); sys.exit(1)\n",
        )
    assert raised.value.message == "training stopped after 1 of 3 steps: row 7 is empty"
    assert raised.value.exit_code == 3


FULL = "tell(event='error', message='OutOfMemoryError: CUDA out of memory. Tried 2 GiB'); sys.exit(1)\n"


def test_a_gpu_too_small_for_the_first_step_is_no_matter_of_the_span(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError) as raised:
        run(tmp_path, "tell(event='loaded', job='rerun', start=0)\n" + FULL)
    assert raised.value.message == "the GPU's memory was full; training stopped before its first step"
    assert raised.value.hint == (
        "its first step did not fit, so no span does: give a GPU with more memory, or end what else runs on it"
    )


def test_a_gpu_that_a_later_batch_filled_allows_the_span_before_it(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError) as raised:
        run(
            tmp_path,
            "tell(event='loaded', job='rerun', start=9)\n"
            "for n in (10, 11): tell(event='step', job='rerun', step=n)\n" + FULL,
        )
    assert raised.value.message == "the GPU's memory was full; training stopped after 2 of 3 steps"
    assert raised.value.hint == (
        "steps 10 to 11 fitted, and --span 9..11 judges those; "
        "the rest needs a GPU with more memory, or one that nothing else runs on"
    )


def test_steps_that_are_made_anew_count_once(tmp_path: Path) -> None:
    """Two steps with kept activations, then a retry that makes one: of the two attempts the second counts."""
    with pytest.raises(IncompleteError) as raised:
        run(
            tmp_path,
            "tell(event='loaded', job='rerun', start=0)\n"
            "for n in (1, 2): tell(event='step', job='rerun', step=n)\n"
            "tell(event='retry', job='rerun')\ntell(event='loaded', job='rerun', start=0)\n"
            "tell(event='step', job='rerun', step=1)\n" + FULL,
        )
    assert raised.value.message == (
        "the GPU's memory was full, with gradient checkpointing too; training stopped after 1 of 3 steps"
    )
    assert raised.value.hint.startswith("step 1 fitted, and --span 0..1 judges it; ")


def test_measured_steps_are_no_progress(tmp_path: Path) -> None:
    followed, told = run(
        tmp_path, "tell(event='measured', job='pace', step=1)\ntell(event='step', job='rerun', step=1)\n"
    )
    assert [values[0] for values in told] == [1]
    assert followed.step == 1


def test_a_crash_tells_its_last_lines_and_more_with_debug(tmp_path: Path) -> None:
    script = "sys.stderr.write('first\\n' * 50 + 'ValueError: no\\n'); sys.exit(9)\n"
    with pytest.raises(IncompleteError) as raised:
        run(tmp_path, script)
    assert raised.value.message == (
        "the training process ended with code 9 before its first step\nfirst\nfirst\nValueError: no"
    )
    with pytest.raises(IncompleteError, match="ValueError: no") as raised:
        run(tmp_path, script, debug=True)
    assert raised.value.message.count("\n") == failure.TAIL


def test_a_killed_child_is_named_by_its_signal(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError) as raised:
        run(tmp_path, "tell(event='step', step=1, loss=2.0); os.kill(os.getpid(), signal.SIGKILL)\n")
    assert raised.value.message == "the training process was killed by SIGKILL after 1 of 3 steps"
    assert raised.value.hint == "it may have run out of memory; step 1 fitted, and --span 0..1 judges it"


@pytest.mark.parametrize(
    "script",
    [
        "tell(event='error', message='OSError: [Errno 28] No space left on device'); sys.exit(1)\n",
        "sys.stderr.write('safetensors: I/O error: No space left on device (os error 28)\\n'); sys.exit(1)\n",
    ],
)
def test_a_full_disk_is_named(tmp_path: Path, script: str) -> None:
    with pytest.raises(IncompleteError) as raised:
        run(tmp_path, script)
    assert raised.value.message == "the disk was full; training stopped before its first step"
    assert raised.value.hint == "free some space, or set TMPDIR to a larger disk"


def test_a_child_that_hangs_is_ended_with_everything_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.3)
    started = time.monotonic()
    with pytest.raises(EndedEarlyError) as raised:
        run(
            tmp_path,
            "import subprocess\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "open('pids', 'w').write(f'{os.getpid()} {other.pid}')\n"
            "tell(event='step', step=1); time.sleep(60)\n",
            timeout=1.5,
        )
    assert time.monotonic() - started < 10
    assert raised.value.message == "the rerun did not finish in 2 seconds; it was ended after 1 of 3 steps"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    # SIGKILL was sent to the whole group; the kernel ends a grandchild in its own time.
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not all(map(gone, pids)):
        time.sleep(0.02)
    assert all(map(gone, pids))


def test_a_child_that_closes_its_stdout_and_lingers_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LINGER", 0.3)
    with pytest.raises(IncompleteError, match="killed by SIGTERM"):
        run(tmp_path, "os.close(1); time.sleep(60)\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_cancelled_job_end_the_group(tmp_path: Path, number: signal.Signals) -> None:
    pids = tmp_path / "pids"

    def interrupt() -> None:
        while not pids.exists() or not pids.read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(EndedEarlyError) as raised:
        run(
            tmp_path,
            "tell(event='step', step=1); open('pids', 'w').write(str(os.getpid())); time.sleep(60)\n",
        )
    assert raised.value.message == "the rerun was interrupted after 1 of 3 steps"
    assert raised.value.exit_code == 3
    assert gone(int(pids.read_text()))
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_was_written_until_then_stays(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError):
        run(tmp_path, "os.makedirs('rerun'); open('rerun/steps', 'w').write('1'); sys.exit(1)\n")
    assert (tmp_path / "rerun" / "steps").read_text() == "1"


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="could not be started"):
        run_child(
            [],
            tmp_path,
            environment={},
            threads=1,
            steps=0,
            progress=lambda *_: None,
            command=(str(tmp_path / "nothing"),),
        )


def test_progress_that_fails_ends_the_child_too(tmp_path: Path) -> None:
    program = tmp_path / "child.py"
    program.write_text(
        TELL + "open('pid', 'w').write(str(os.getpid()))\ntell(event='step', step=1); time.sleep(60)\n"
    )

    def broken(step: int, total: int, loss: float | None, eta: float | None) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_child(
            [],
            tmp_path,
            environment=os.environ,
            threads=1,
            steps=1,
            progress=broken,
            command=(sys.executable, str(program)),
        )
    assert gone(int((tmp_path / "pid").read_text()))


def test_the_order_is_valid_json_for_the_real_child(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError):
        run(tmp_path, "sys.exit(1)\n")
    assert json.loads((tmp_path / "JOB.json").read_text())["version"] == 1


@pytest.mark.parametrize(
    ("minutes", "timeout", "limit"),
    [(None, None, None), (2.0, None, 120.0), (2.0, 30.0, 30.0), (None, 30.0, 30.0)],
)
def test_the_shorter_of_two_limits_holds(
    minutes: float | None, timeout: float | None, limit: float | None
) -> None:
    assert RerunOptions(minutes=minutes, timeout=timeout).limit == limit


def later_gone(pid: int, seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not gone(pid):
        time.sleep(0.05)
    return gone(pid)


def parent(tmp_path: Path, script: str) -> tuple[subprocess.Popen[bytes], int]:
    """A process that keeps a child, once the child has written its id."""
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    keeper = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=surroundings)
    pid = tmp_path / "pid"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    return keeper, int(pid.read_text())


STUBBORN = (
    "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "open('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
)


def test_who_is_killed_twice_still_kills_a_child_that_does_not_listen(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(STUBBORN)
    keeper, pid = parent(
        tmp_path,
        "import os, sys\nfrom pathlib import Path\nfrom auditor.rerun.runner import run_child\n"
        "run_child([{'name': 'x'}], Path.cwd(), environment=dict(os.environ), threads=1, steps=1,\n"
        "          progress=lambda *_: None, command=(sys.executable, 'child.py'))\n",
    )
    keeper.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    keeper.send_signal(signal.SIGTERM)
    keeper.wait(10)
    assert later_gone(pid, 2.0)


def test_a_child_whose_parent_was_killed_outright_ends_by_itself(tmp_path: Path) -> None:
    """Nothing tells it, so it looks every second."""
    (tmp_path / "child.py").write_text(
        "import os, threading, time\nfrom auditor.rerun.child.__main__ import watch\n"
        "threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()\n"
        "open('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    keeper, pid = parent(
        tmp_path,
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, 'child.py'], start_new_session=True)\nimport time; time.sleep(60)\n",
    )
    keeper.kill()
    keeper.wait(5)
    assert later_gone(pid)
