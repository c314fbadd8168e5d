"""The training child: the same bits in fresh and warm processes, an unchanged schedule, honest records."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "fixtures" / "tiny"
STEPS = 18  # 96 rows make 36 blocks of 64 ids (counted below), two a step
SAME_BITS = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth")

pytestmark = [
    pytest.mark.rerun,
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="the [rerun] extra is not installed"
    ),
]


def recipe() -> dict[str, Any]:
    from fixtures.tiny_repo import SETTINGS

    return dict(SETTINGS)


def order(folder: Path, jobs: list[dict[str, Any]]) -> Path:
    common = {"base": str(TINY / "base"), "data": str(TINY / "data" / "train.jsonl")}
    listed = [common | {"output": str(folder / job["name"])} | job for job in jobs]
    path = folder / "job.json"
    path.write_text(json.dumps({"version": 1, "threads": 1, "jobs": listed}), encoding="utf-8")
    return path


def child(
    folder: Path, jobs: list[dict[str, Any]], *, by_path: bool = False
) -> subprocess.CompletedProcess[str]:
    how = [str(ROOT / "auditor" / "rerun" / "child")] if by_path else ["-m", "auditor.rerun.child"]
    return subprocess.run(
        [sys.executable, *how, str(order(folder, jobs))],
        cwd=folder if by_path else ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One job alone in its process, run as a module."""
    folder = tmp_path_factory.mktemp("fresh")
    events(child(folder, [{"name": "alone", "settings": recipe()}]))
    return folder / "alone"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Seven jobs in one process, run by path; the others do their best to leave something behind."""
    folder = tmp_path_factory.mktemp("warm")
    norms = {"modules_to_save": ["norm"], "compute_dtype": "bfloat16"}
    jobs: list[dict[str, Any]] = [
        {"name": "pace", "settings": recipe(), "stop_at": 3, "measured": True},
        {"name": "first", "settings": recipe()},
        {"name": "other-seed", "settings": recipe() | {"seed": 7, "learning_rate": 1e-2}, "stop_at": 2},
        {"name": "second", "settings": recipe()},
        {"name": "trains-the-base", "settings": recipe() | norms, "stop_at": 2, "digests": False},
        {"name": "span", "settings": recipe(), "stop_at": 5},
        {"name": "unseeded", "settings": recipe() | {"init_seed": 8}, "stop_at": 1},
    ]
    return folder, events(child(folder, jobs, by_path=True))


def steps_of(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "rerun_steps.jsonl").read_text("utf-8").splitlines()]


def logged(state: Path) -> list[dict[str, Any]]:
    history = json.loads(state.read_text("utf-8"))["log_history"]
    return [entry for entry in history if "loss" in entry]


def tensors(path: Path) -> dict[str, tuple[str, bytes]]:
    """Reads a safetensors file from its specification: u64 header length, JSON header, data."""
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    data = content[8 + size :]
    return {name: (one["dtype"], data[slice(*one["data_offsets"])]) for name, one in header.items()}


def bit_sum(content: bytes) -> int:
    return sum(struct.unpack(f"<{len(content) // 4}i", content))


def expected_blocks() -> list[list[int]]:
    """Packs the data with the tokenizers library alone: ids with <bos>, <eos> appended, cut to 64, joined."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TINY / "base" / "tokenizer.json"))
    flat: list[int] = []
    for line in (TINY / "data" / "train.jsonl").read_text("utf-8").splitlines():
        flat += [*tokenizer.encode(json.loads(line)["text"]).ids, 1][:64]
    return [flat[at : at + 64] for at in range(0, len(flat) - 63, 64)]


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize("at", [9, STEPS])
def test_a_job_has_the_bits_of_a_fresh_process(fresh: Path, warm: Any, name: str, at: int) -> None:
    """`first` follows measured steps on the same base, `second` also jobs of other recipes."""
    for file in SAME_BITS:
        path = Path(f"checkpoint-{at}") / file
        assert (warm[0] / name / path).read_bytes() == (fresh / path).read_bytes(), file
    assert steps_of(warm[0] / name) == steps_of(fresh)


def test_a_base_whose_tensors_were_trained_is_not_used_again(fresh: Path, warm: Any) -> None:
    span, long = steps_of(warm[0] / "span"), steps_of(fresh)
    assert span == long[:6]
    assert sum(event["event"] == "done" for event in warm[1]) == 7


def test_measured_steps_leave_their_figures_and_no_weights(warm: Any) -> None:
    """The steps are those of the recipe; the memory is that of the process as the kernel tells it (proc(5), VmHWM)."""
    folder = warm[0] / "pace"
    assert {path.name for path in folder.iterdir()} == {"pace.json", "environment.json", "rerun_steps.jsonl"}
    assert steps_of(folder) == steps_of(warm[0] / "first")[:4]
    figures = json.loads((folder / "pace.json").read_text("utf-8"))
    assert figures.keys() == {"ends", "again", "resident", "gpu", "widest", "longest"}
    assert (figures["widest"], figures["longest"]) == (64, 64)  # blocks of 64 ids
    assert 10**8 < figures["resident"] < 10**10
    loaded = next(event["seconds"] for event in warm[1] if event["event"] == "loaded")
    assert loaded < figures["ends"][0] < figures["ends"][1] < figures["ends"][2]
    assert 0 < figures["again"] < figures["ends"][0]
    told = [event for event in warm[1] if event["event"] in ("measured", "step")]
    assert [event["step"] for event in told if event["job"] == "pace"] == [1, 2, 3]
    assert {event["event"] for event in told if event["job"] == "pace"} == {"measured"}


def test_stopping_early_keeps_the_declared_schedule(fresh: Path, warm: Any) -> None:
    span = warm[0] / "span"
    state = span / "checkpoint-5" / "trainer_state.json"
    assert json.loads(state.read_text("utf-8"))["max_steps"] == STEPS
    assert logged(state) == logged(fresh / "trainer_state.json")[:5]
    assert sorted(path.name for path in span.glob("checkpoint-*")) == ["checkpoint-5"]
    # Linear with ceil(0.1 x 18) = 2 warm-up steps, logged before the scheduler moves on.
    rates = [entry["learning_rate"] for entry in logged(state)]
    assert rates == pytest.approx([0, 1e-3, 2e-3, 2e-3 * 15 / 16, 2e-3 * 14 / 16])


@pytest.mark.parametrize(
    ("step", "file"), [(0, "init"), (9, "checkpoint-9"), (STEPS, "checkpoint-18"), (STEPS, ".")]
)
def test_digests_can_be_recomputed_from_the_saved_adapter(fresh: Path, step: int, file: str) -> None:
    saved = tensors(fresh / file / "adapter_model.safetensors")
    assert {dtype for dtype, _ in saved.values()} == {"F32"}
    sums = {name: bit_sum(content) for name, (_, content) in saved.items()}
    assert steps_of(fresh)[step]["digests"] == sums


def test_every_block_is_drawn_once_and_each_step_names_its_ids(fresh: Path) -> None:
    blocks = expected_blocks()
    lines = steps_of(fresh)
    assert [line["step"] for line in lines] == list(range(STEPS + 1))
    assert sorted(index for line in lines[1:] for index in line["examples"]) == list(range(2 * STEPS))
    assert len(blocks) == 2 * STEPS
    for line in lines[1:]:
        ids = [token for index in line["examples"] for token in blocks[index]]
        assert line["batch"] == hashlib.sha256(struct.pack(f"<{len(ids)}q", *ids)).hexdigest()


def test_steps_hold_what_the_trainer_logged(fresh: Path) -> None:
    keys = ("step", "loss", "grad_norm", "learning_rate")
    lines = [{key: line[key] for key in keys} for line in steps_of(fresh)[1:]]
    history = [{key: entry[key] for key in keys} for entry in logged(fresh / "trainer_state.json")]
    assert lines == history


def test_the_seed_decides_the_first_adapter(warm: Any) -> None:
    first, other, unseeded = (
        steps_of(warm[0] / name)[0]["digests"] for name in ("first", "other-seed", "unseeded")
    )
    drawn = [name for name in first if ".lora_A." in name]
    assert len(drawn) == 14  # two layers, seven projections
    for name in drawn:
        assert len({first[name], other[name], unseeded[name]}) == 3
        assert first[name.replace("lora_A", "lora_B")] == 0


def test_the_committed_run_is_what_the_recipe_makes(fresh: Path) -> None:
    """Allows 1e-4: processors differ by about 2e-6 in float32, another recipe by 8e-3 and more."""
    numpy = pytest.importorskip("numpy")
    store = [path for path in (TINY / "lfs").rglob("*") if path.is_file()]
    adapters = [path for path in store if path.read_bytes()[8:9] == b"{"]
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in store)

    def update(path: Path) -> Any:
        read = {name: numpy.frombuffer(data, "<f4") for name, (_, data) in tensors(path).items()}
        pairs = [
            (read[name].reshape(8, -1), name.replace("lora_A", "lora_B")) for name in read if "lora_A" in name
        ]
        return numpy.concatenate([(read[b].reshape(-1, 8) @ a).ravel() for a, b in pairs])

    ours = update(fresh / "adapter_model.safetensors")
    distances = [numpy.linalg.norm(update(path) - ours) / numpy.linalg.norm(ours) for path in adapters]
    assert min(distances) < 1e-4
    assert max(distances) > 0.1  # the other adapter of the store is the checkpoint at half time


def test_the_environment_is_recorded(fresh: Path) -> None:
    found = json.loads((fresh / "environment.json").read_text("utf-8"))
    assert (found["threads"], found["seed"], found["attn_implementation"]) == (1, 42, "eager")
    assert found["variables"]["PYTHONHASHSEED"] == "0"
    assert {"torch", "transformers", "peft", "bitsandbytes", "accelerate"} <= set(found["versions"])


def test_the_adapter_names_the_base_it_was_told_and_no_folder(fresh: Path) -> None:
    config = json.loads((fresh / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "tiny-labs/tiny-gemma3"
    assert re.fullmatch("[0-9a-f]{40}", config["revision"])


def test_an_unknown_setting_is_one_sentence_and_no_traceback_on_stdout(tmp_path: Path) -> None:
    done = child(tmp_path, [{"name": "one", "settings": {"learing_rate": 1e-3}}])
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["event"], told["message"]) == ("error", "jobs[0].settings: unknown key 'learing_rate'")


def test_a_base_without_some_tensor_is_refused_and_not_drawn(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    shutil.copytree(TINY / "base", tmp_path / "base")
    tensors = load_file(tmp_path / "base" / "model.safetensors")
    gone = next(name for name in tensors if name.endswith("layers.1.mlp.up_proj.weight"))
    del tensors[gone]
    save_file(tensors, tmp_path / "base" / "model.safetensors", {"format": "pt"})
    done = child(tmp_path, [{"name": "one", "settings": recipe(), "base": str(tmp_path / "base")}])
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["event"] == "error"
    assert re.search(
        r"lacks 1 of the model's tensors, such as \S+layers\.1\.mlp\.up_proj\.weight", last["message"]
    )
