"""Every place to train, against children that are a few lines of plain Python: what is kept, told, ended, refused."""

import dataclasses
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.errors import IncompleteError, UsageError
from auditor.rerun import cache
from auditor.rerun.environments.interpreter import Interpreter
from auditor.rerun.fleet import devices, on_slurm, queue_of_slurm, remote
from auditor.rerun.fleet.choose import executor
from auditor.rerun.fleet.machines import placed
from auditor.rerun.fleet.on_slurm import parameters
from auditor.rerun.fleet.order import Ended, Executor, Order, Site
from auditor.rerun.fleet.queue_of_slurm import limit_of, minutes
from auditor.rerun.fleet.where import Where, parse
from auditor.rerun.fleet.work import Answer, work
from auditor.rerun.followed import Followed
from auditor.rerun.outputs import Output
from auditor.rerun.runner import EndedEarlyError
from auditor.rerun.trials import CONTROL, REPEAT, VARIATION, Trial
from tests.rerun import variants as v

CHILD = """
import json, os, sys, time
def tell(**e): print(json.dumps(e), flush=True)
path = sys.argv[1]
while path:
    orders = json.load(open(path))
    for job in orders["jobs"]:
        name, output = job["name"], job["output"]
        os.makedirs(output, exist_ok=True)
        for step in (1, 2): tell(event="step", job=name, step=step, loss=7.0 - step)
        if name.startswith("bad"):
            sys.stderr.write("first\\nsecond\\nValueError: no\\n"); sys.exit(9)
        if name.startswith("hang"):
            open(os.path.join(output, "pid"), "w").write(str(os.getpid())); time.sleep(60)
        if name.startswith("slow"): time.sleep(0.7)
        seen = {"name": name, "threads": orders["threads"], "process": os.getpid(),
                "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "flag": os.environ.get("MKL_CBWR")}
        json.dump(seen, open(os.path.join(output, "seen.json"), "w"))
    tell(event="idle")
    path = sys.stdin.readline().strip()
"""


def missing(name: str) -> pytest.MarkDecorator:
    extra = "rerun" if name == "joblib" else "fleet"
    reason = f"{name} is not installed (pip install 'auditor[{extra}]')"
    return pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=reason)


CLUSTER = pytest.mark.skipif(
    shutil.which("sbatch") is None or limit_of(None) is None, reason="there is no Slurm here"
)
PLACES = [
    pytest.param("local", None, id="local"),
    pytest.param("local", 2, id="jobs", marks=missing("joblib")),
    pytest.param(
        "slurm:cluster=debug",
        None,
        id="debug",
        # submitit 1.5.4 leaves the log files of a DebugJob open (local/debug.py)
        marks=[missing("submitit"), pytest.mark.filterwarnings("ignore::ResourceWarning")],
    ),
    pytest.param("slurm:cluster=local", None, id="slurm", marks=missing("submitit")),
    pytest.param("slurm:cpus_per_task=1", None, id="cluster", marks=[missing("submitit"), CLUSTER]),
    pytest.param("ray:num_cpus=0.5", None, id="ray", marks=missing("ray")),
]
SEVERAL = [item for item in PLACES if item.id in ("jobs", "slurm", "cluster", "ray")]


@dataclasses.dataclass
class Lab:
    folder: Path
    site: Site
    told: list[tuple[int, int]]
    limit: float | None = None

    def order(self, name: str, **more: Any) -> Order:
        output = self.folder / name
        return Order(
            name, output, ({"name": name, "output": str(output)},), 2, more.pop("threads", 1), **more
        )

    def executor(self, where: str, jobs: int | None) -> Executor:
        followed = Followed(100)
        end = None if self.limit is None else time.monotonic() + self.limit
        return executor(
            parse(where),
            jobs,
            self.site,
            followed,
            lambda step, total, *_: self.told.append((step, total)),
            lambda: None if end is None else max(0.0, end - time.monotonic()),
        )

    def ends(self, where: str, jobs: int | None, *names: str) -> dict[str, Ended]:
        at = self.executor(where, jobs)
        try:
            return {ended.order.name: ended for ended in at.train([self.order(name) for name in names])}
        finally:
            at.close()

    def seen(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name / "seen.json").read_text())
        return found


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(remote, "POLL", 0.05)
    # As many lanes as are asked for, whatever GPUs are here, and whatever the child's libraries left when imported.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    folder = tmp_path / "experiment"
    folder.mkdir()
    return Lab(folder, Site(folder, Interpreter(Path(sys.executable), {}, child=child)), [])


@pytest.mark.parametrize(("where", "jobs"), PLACES)
def test_every_place_trains_all_and_tells_every_step(lab: Lab, where: str, jobs: int | None) -> None:
    at = lab.executor(where, jobs)
    orders = [lab.order("rerun"), lab.order("repeat-1")]
    orders.append(lab.order("variation", threads=2, flags={"MKL_CBWR": "COMPATIBLE"}, shared=False))
    try:
        ends = list(at.train(orders))
    finally:
        at.close()
    assert sorted(ended.order.name for ended in ends) == ["repeat-1", "rerun", "variation"]
    assert all(ended.error is None for ended in ends)
    assert [lab.seen(name)["threads"] for name in ("rerun", "repeat-1", "variation")] == [1, 1, 2]
    assert [lab.seen(name)["flag"] for name in ("rerun", "variation")] == [None, "COMPATIBLE"]
    assert lab.told == [(step, 100) for step in range(1, 7)]


@pytest.mark.parametrize(("where", "jobs"), PLACES)
def test_a_job_that_fails_says_its_last_lines_and_the_others_are_kept(
    lab: Lab, where: str, jobs: int | None
) -> None:
    ends = lab.ends(where, jobs, "rerun", "bad", "repeat-1")
    assert {name for name, ended in ends.items() if ended.error is None} == {"rerun", "repeat-1"}
    error = ends["bad"].error
    assert error is not None
    assert error.message.startswith("the training process ended with code 9 after ")
    assert error.message.endswith("\nfirst\nsecond\nValueError: no")
    assert lab.seen("repeat-1")["name"] == "repeat-1"


@missing("joblib")
def test_lanes_are_warm_children_with_a_gpu_each(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    names = [f"slow-{number}" for number in range(6)]
    ends = lab.ends("local", 4, *names)
    assert len(ends) == 6
    seen = [lab.seen(name) for name in names]
    assert {item["gpu"] for item in seen} == {"3", "5"}
    assert len({(item["gpu"], item["process"]) for item in seen}) == 2


@missing("joblib")
def test_one_order_starts_one_child(lab: Lab) -> None:
    at = lab.executor("local", 3)
    for name in ("one", "two"):
        assert [ended.error for ended in at.train([lab.order(name)])] == [None]
    at.close()
    assert lab.seen("one")["process"] == lab.seen("two")["process"]


def test_gpus_are_counted_as_cuda_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "names", lambda: ("NVIDIA L4", "NVIDIA L4"))
    assert devices.gpus({}) == ("0", "1")
    assert devices.gpus({"CUDA_VISIBLE_DEVICES": "GPU-8a, GPU-9b"}) == ("GPU-8a", "GPU-9b")
    assert devices.gpus({"CUDA_VISIBLE_DEVICES": ""}) == ()
    assert devices.gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == ()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def await_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not all(map(gone, pids)):
        time.sleep(0.05)
    return all(map(gone, pids))


def pids(lab: Lab, *names: str) -> list[int]:
    return [int((lab.folder / name / "pid").read_text()) for name in names]


@pytest.mark.parametrize(("where", "jobs"), SEVERAL)
def test_ctrl_c_ends_every_job(lab: Lab, where: str, jobs: int | None) -> None:
    files = [lab.folder / name / "pid" for name in ("hang-1", "hang-2")]

    def interrupt() -> None:
        while not all(file.exists() and file.read_text() for file in files):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(EndedEarlyError, match="the rerun was interrupted"):
        lab.ends(where, jobs, "hang-1", "hang-2")
    assert await_gone(pids(lab, "hang-1", "hang-2"))


@pytest.mark.parametrize(("where", "jobs"), SEVERAL)
def test_time_that_is_up_ends_every_job_and_keeps_what_is_done(
    lab: Lab, where: str, jobs: int | None
) -> None:
    at = lab.executor(where, jobs)
    # Both places have begun when the clock starts: how long a process or a cluster needs for it is another matter.
    done = list(at.train([lab.order("slow-1"), lab.order("slow-2")]))
    end = time.monotonic() + (2 if where == "local" else 6)
    lab_left = lambda: max(0.0, end - time.monotonic())  # noqa: E731
    for lane in (at, *getattr(at, "_lanes", ())):
        setattr(lane, "left" if hasattr(lane, "left") else "_left", lab_left)
    try:
        ends = {
            ended.order.name: ended.error for ended in at.train([lab.order("hang-1"), lab.order("quick")])
        }
    finally:
        at.close()
    assert [ended.error for ended in done] == [None, None]
    assert isinstance(ends["hang-1"], EndedEarlyError)
    assert "did not finish" in ends["hang-1"].message
    assert ends["quick"] is None
    assert await_gone(pids(lab, "hang-1"))


@pytest.mark.parametrize(("where", "jobs"), [item for item in PLACES if item.id in ("slurm", "cluster")])
def test_a_job_that_is_killed_from_outside_is_named(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, where: str, jobs: int | None
) -> None:
    # submitit waits so long for the answer of a job on a slow disk
    monkeypatch.setattr("submitit.core.core.Job._results_timeout_s", 0.5)
    monkeypatch.setattr(on_slurm, "ASK", 0.5)
    at = lab.executor(where, jobs)
    with closing(at.train([lab.order("hang-1")])) as ends:
        killer = threading.Thread(target=_kill_worker, args=(lab,), daemon=True)
        killer.start()
        (ended,) = ends
    at.close()
    assert ended.error is not None
    assert ended.error.message.startswith("the job of hang-1 ended without an answer")
    assert "a disk that every machine sees" in ended.error.hint


def _kill_worker(lab: Lab) -> None:
    """What a node that dies does: the process that keeps the child is gone without a word."""
    file = lab.folder / "hang-1" / "pid"
    while not (file.exists() and file.read_text()):
        time.sleep(0.05)
    child = int(file.read_text())
    worker = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(worker, signal.SIGKILL)
    os.killpg(child, signal.SIGKILL)


def test_a_machine_that_sees_other_files_refuses(lab: Lab, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("{}")
    (lab.folder / "token").write_text("mine")
    site = dataclasses.replace(lab.site, inputs={"data": (data, cache.digest_of(data))})
    order = lab.order("rerun")
    assert work(site, order, "mine", None) == Answer()
    assert work(site, order, "another", None).error == (
        "the machine that was to train rerun does not see the rerun's folder"
    )
    data.write_text("{ }")
    found = work(site, order, "mine", None)
    assert found.error == "the machine that was to train rerun sees another data at the same path"
    assert "must lie on a disk that every machine sees" in found.hint
    data.unlink()
    assert (
        work(site, order, "mine", None).error == "the machine that was to train rerun does not see the data"
    )


def test_a_requeued_job_begins_anew(lab: Lab) -> None:
    (lab.folder / "token").write_text("mine")
    order = lab.order("rerun")
    order.output.mkdir()
    (order.output / "half").touch()
    assert work(lab.site, order, "mine", None) == Answer()
    assert work(lab.site, order, "mine", None) == Answer()
    assert [path.name for path in order.output.iterdir()] == ["seen.json"]


def test_other_variables_than_those_that_decide_bits_are_the_machines_own(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_CBWR", "AVX2")
    site = Site(lab.folder, lab.site.python)
    monkeypatch.setenv("MKL_CBWR", "SSE2")  # now on the other machine
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("HOST_OWN", "yes")
    found = site.variables(lab.order("rerun"))
    assert (found["MKL_CBWR"], found["HOST_OWN"]) == ("AVX2", "yes")
    assert "ATEN_CPU_CAPABILITY" not in found


@pytest.mark.parametrize(
    ("text", "kind", "options"),
    [
        ("local", "local", {}),
        ("ray", "ray", {}),
        ("ray:address=auto,num_cpus=0.5", "ray", {"address": "auto", "num_cpus": 0.5}),
        ("slurm:gres=gpu:a100:1,timeout_min=60", "slurm", {"gres": "gpu:a100:1", "timeout_min": 60}),
    ],
)
def test_a_place_is_read(text: str, kind: str, options: dict[str, object]) -> None:
    assert parse(text) == Where(kind, options, text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["k8s", "slurm:partition", "slurm:", "slurm:=1", "local:x=1", ""])
def test_another_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_slurm_gets_a_gpu_for_a_run_of_a_gpu_and_the_time_that_is_left(lab: Lab) -> None:
    site = dataclasses.replace(lab.site, device="cuda")
    found = parameters({"partition": "gpu", "mem_gb": 8}, site, 3600.0)
    assert {key: found[key] for key in ("gpus_per_node", "timeout_min", "slurm_partition", "mem_gb")} == {
        "gpus_per_node": 1,
        "timeout_min": 61,
        "slurm_partition": "gpu",
        "mem_gb": 8,
    }
    assert "gpus_per_node" not in parameters({"gres": "gpu:1"}, site, None)
    assert "gpus_per_node" not in parameters({}, lab.site, None)
    assert parameters({}, lab.site, None)["timeout_min"] == 24 * 60
    assert parameters({}, lab.site, None, longest=120)["timeout_min"] == 120
    assert parameters({"timeout_min": 30}, lab.site, None, longest=120)["timeout_min"] == 30


def test_a_job_gets_folders_with_any_signs_in_their_names(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/my modules:/of $HOME;it's")
    lines = parameters({}, lab.site, None)["slurm_setup"]
    assert isinstance(lines, list)
    shell = "\n".join([*lines, 'printf %s "$PYTHONPATH"'])
    done = subprocess.run(["sh", "-c", shell], capture_output=True, check=True)
    assert done.stdout.decode().endswith(":/my modules:/of $HOME;it's")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the forms of squeue(1) and sbatch(1), --time
        ("30", 30),
        ("30:20", 31),
        ("2:00:00", 120),
        ("1-00:00:00", 1440),
        ("2-3", 3060),
        ("infinite", None),
        ("n/a", None),
        ("", None),
    ],
)
def test_a_limit_of_time_is_read_as_slurm_writes_it(text: str, expected: int | None) -> None:
    assert minutes(text) == expected


def test_a_queue_tells_the_limit_of_its_default_partition_and_where_a_job_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs that print what those of Slurm 22.05.8 printed."""
    for name, script in {
        "sinfo": "printf 'cpu* 2:00:00\ngpu 1-00:00:00\n'",
        "squeue": 'test "$5" = 7 && echo "PD PartitionTimeLimit" && exit 0\n'
        'test "$5" = 8 && echo "slurm_load_jobs error: Invalid job id specified" >&2 && exit 1\n'
        'echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert limit_of(None) == 120
    assert queue_of_slurm.state("7") == ("PD", "PartitionTimeLimit")
    assert queue_of_slurm.state("8") == ("", "")
    assert queue_of_slurm.state("9") is None
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert limit_of(None) is None
    assert queue_of_slurm.state("7") is None


@pytest.mark.parametrize("is_there", [True, False])
def test_an_answer_that_a_disk_shows_late_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """The queue has forgotten the job, and only then its file is there."""
    monkeypatch.setattr(on_slurm, "state", lambda _: ("", ""))
    monkeypatch.setattr(on_slurm, "ASK", 0.0)
    left = tmp_path / "result.pkl"
    submitted = SimpleNamespace(
        job_id=7, paths=SimpleNamespace(result_pickle=left), result=lambda: Answer(), stderr=lambda: "killed"
    )
    job = on_slurm._SlurmJob(submitted, "the rerun", RuntimeError, asks=True)
    assert [job.done() for _ in range(on_slurm._LOOKS + 1)] == [False] * on_slurm._LOOKS + [True]
    if is_there:
        left.touch()
        assert job.answer() == Answer()
    else:
        with pytest.raises(IncompleteError, match=r"of the rerun ended without an answer\nkilled"):
            job.answer()


@missing("submitit")
@pytest.mark.parametrize("text", ["slurm:cluster=local,nothing=1", "slurm:cluster=local,timeout_min=soon"])
def test_an_option_that_submitit_does_not_know_is_refused(lab: Lab, text: str) -> None:
    with pytest.raises(UsageError, match="submitit refuses"):
        lab.executor(text, None)


@missing("submitit")
def test_without_slurm_the_command_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="submitit refuses slurm"):
        lab.executor("slurm", None)


def output(name: str, role: str, **facts: object) -> Any:
    recorded = {**v.ENVIRONMENT, "processor": "A", "cpu_capability": "AVX2", **facts}
    made = v.output({"environment.json": json.dumps(recorded).encode()}, name, "the same settings")
    return dataclasses.replace(made, trial=Trial(name, role, "the same settings"))


def role(found: Output) -> str | None:
    return None if found.trial is None else found.trial.role


def test_a_repeat_on_another_machine_is_a_variation() -> None:
    rerun = output("rerun", "rerun")
    assert role(placed(output("repeat-1", REPEAT), rerun)) == REPEAT
    moved = placed(output("repeat-1", REPEAT, device="NVIDIA L4", processor="B"), rerun)
    assert role(moved) == VARIATION
    assert moved.says == (
        "the same settings on another machine (device NVIDIA L4 instead of cpu, processor B instead of A)"
    )
    newer = {"transformers": "5.24.0", "peft": "0.21.2"}
    control = placed(output("control-seed", CONTROL, versions=newer), rerun)
    assert role(control) == CONTROL
    assert control.says.endswith("on another machine (transformers 5.24.0 instead of 5.23.0)")


def test_instructions_that_were_asked_for_are_no_other_machine() -> None:
    rerun, varied = output("rerun", "rerun"), output("variation", VARIATION, cpu_capability="DEFAULT")
    asked = dataclasses.replace(varied.trial, flags={"ATEN_CPU_CAPABILITY": "default"})
    assert placed(dataclasses.replace(varied, trial=asked), rerun).says == "the same settings"


def test_an_error_of_a_job_keeps_its_kind() -> None:
    class Early(remote.Job):
        def done(self) -> bool:
            return True

        def answer(self) -> Answer:
            return Answer("ended", early=True)

        def cancel(self) -> None:
            return None

    found = remote._error(Early())
    assert isinstance(found, EndedEarlyError)
    assert isinstance(found, IncompleteError)
