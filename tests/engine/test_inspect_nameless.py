"""Torch files of weights under names of nobody's: shown where they were pointed at or are all an adapter has."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.engine.inspect import inspect, side_by_side
from auditor.sources import targets
from tests.builders import adapter_folders as made
from tests.builders.pickles import Tensor, dumps, make_torch, torch_zip

P = "base_model.model."
FACTORS = made.factors(1, made.modules(1))
STATE: Mapping[str, object] = {
    f"{P}{name}.lora_{part}.weight": Tensor(array.reshape(-1).tolist(), array.shape)
    for name, pair in FACTORS.items()
    for part, array in zip("AB", pair, strict=True)
}
NAMES = "weights.pt", "my_adapter.bin", "last.ckpt", "consolidated.00.pth", "WEIGHTS.PT"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("config", [False, True])
def test_a_file_that_was_pointed_at(name: str, nested: bool, config: bool) -> None:
    """Its adapter is what the same tensors are in adapter_model.safetensors."""
    value = {"state_dict": STATE, "epoch": 3} if nested else STATE
    settings = {"adapter_config.json": made.config()} if config else {}
    found = inspect(made.snapshot({name: make_torch(value), **settings}))
    assert not found.unread
    (run,) = found.runs
    assert run.adapter is not None
    assert (run.adapter.path, run.adapter.format, run.adapter.kind) == (name, "torch", "adapter")
    plain = {"adapter_model.safetensors": made.folder(FACTORS)["adapter_model.safetensors"]}
    (other,) = inspect(made.snapshot({**plain, "adapter_config.json": made.config()})).runs
    assert other.adapter is not None
    norms = {module.module: module.norm for module in run.adapter.modules}
    scale = 1.0 if config else made.RANK / made.ALPHA
    expected = {module.module: scale * (module.norm or 0) for module in other.adapter.modules}
    assert norms == pytest.approx(expected, rel=1e-12)


def test_the_configuration_beside_it_is_taken(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(make_torch(STATE))
    (tmp_path / "adapter_config.json").write_bytes(made.config())
    (tmp_path / "notes.txt").write_text("nothing")
    with targets.within(str(tmp_path / "weights.pt"), None, ()) as opened:
        assert set(opened.snapshots[0].files) == {"weights.pt", "adapter_config.json"}
    with targets.within(str(tmp_path / "notes.txt"), None, ()) as opened:
        assert set(opened.snapshots[0].files) == {"notes.txt"}


def test_two_of_them_relate_by_their_updates() -> None:
    one = made.snapshot({"weights.pt": make_torch(STATE), "adapter_config.json": made.config()})
    two = made.snapshot(made.folder(FACTORS, lora_alpha=2 * made.ALPHA))
    found = side_by_side(one, two)
    assert found.comparison.relation == "scaled"
    assert found.comparison.scale == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"hello", "is a damaged pickle"),
        (make_torch({"epoch": 3, "x": [1, 2]}), "holds no tensors by name"),
        (torch_zip(dumps(["a list"])), "holds no tensors by name"),
        (b"", "is empty"),
    ],
)
def test_what_holds_no_weights_says_why(data: bytes, says: str) -> None:
    found = inspect(made.snapshot({"weights.pt": data}))
    assert not found.runs
    (item,) = found.unread
    assert item.path == "weights.pt"
    assert says in item.reason


def test_the_only_one_of_a_folder_whose_adapter_has_no_weights() -> None:
    files = {"adapter_config.json": made.config(), "weights.pt": make_torch(STATE), "README.md": b"# x"}
    (run,) = inspect(made.snapshot(files)).runs
    assert run.adapter is not None
    assert run.adapter.path == "weights.pt"
    # Of two of them nobody says which is meant.
    (run,) = inspect(made.snapshot({**files, "other.bin": make_torch(STATE)})).runs
    assert run.adapter is not None
    assert run.adapter.path is None


def test_beside_an_adapters_own_weights_others_are_left_alone() -> None:
    """A projector beside an adapter is no adapter; nor is what lies in a folder of anything else."""
    mine = made.folder(FACTORS)
    for files in (
        {**mine, "mm_projector.bin": make_torch(STATE)},
        {**mine, "x/weights.pt": make_torch(STATE)},
    ):
        (run,) = inspect(made.snapshot(files)).runs
        assert [item.path for item in run.adapters] == ["adapter_model.safetensors"]
    files = {"README.md": b"# x", "data.bin": make_torch(STATE)}
    assert not inspect(made.snapshot(files)).runs
