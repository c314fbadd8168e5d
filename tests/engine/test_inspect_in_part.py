"""A weight file with sparse or quantized tensors: the inspector shows the rest, the rules refuse the file."""

import html as html_module
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

import auditor
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.engine.inspect import InspectOptions, inspect
from auditor.errors import CannotRead
from auditor.sources.directory import memory_snapshot
from tests.artifacts.test_tensors_made_otherwise import FORGED
from tests.builders import adapter_folders as made
from tests.builders.blobs import blob
from tests.builders.command import audit
from tests.builders.other_tensors import quantized, saved, sparse
from tests.builders.pickles import Opcodes, Tensor, Writer, make_legacy
from tests.builders.repositories import healthy
from tests.cli.test_inspect import as_json, write

Capture = pytest.CaptureFixture[str]
MODULE = "model.layers.1.mlp.down_proj"
ODD = f"base_model.model.{MODULE}.lora_A.weight"
FACTORS = made.factors(1)
KINDS = ("sparse", "quantized")


def reason(kind: str, name: str = ODD) -> str:
    return f"holds tensor '{name}' as a {kind} tensor, which is not read"


def state_dict(factors: made.Factors) -> dict[str, object]:
    return {
        f"base_model.model.{name}.lora_{word}.weight": Tensor(
            [float(number) for number in array.reshape(-1)], array.shape
        )
        for name, pair in factors.items()
        for word, array in zip("AB", pair, strict=True)
    }


def folder(kind: str | None = None, factors: made.Factors = FACTORS, name: str = ODD) -> dict[str, bytes]:
    """The files of an adapter of which one tensor is sparse or quantized."""
    writer, tensors = Writer(), state_dict(factors)
    shape = (12, 4) if "lora_B" in name else (4, 10)
    if kind is not None:
        odd = sparse(shape) if kind == "sparse" else quantized(writer, [1] * (shape[0] * shape[1]), shape)
        tensors[name] = odd
    return {"adapter_config.json": made.config(), "adapter_model.bin": saved(writer, tensors)}


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("kind", KINDS)
def test_all_other_modules_are_measured_and_the_tensor_is_named(
    kind: str, capsys: Capture, tmp_path: Path
) -> None:
    """Norms by numpy on (alpha/r) B A in float64."""
    place = str(write(tmp_path, folder(kind)))
    document = as_json(capsys, place)
    adapter = document["runs"][0]["adapters"][0]
    modules = {module["module"]: module for module in adapter["modules"]}
    dense = made.dense(FACTORS)
    assert list(modules) == list(dense)
    for name, product in dense.items():
        known = None if name == MODULE else pytest.approx(numpy.linalg.norm(product), rel=1e-12)
        assert modules[name]["norm"] == known
    assert modules[MODULE]["why"] == f"adapter_model.bin {reason(kind)}"
    assert {tuple(module["conditions"]) for module in modules.values()} == {()}
    assert {t["name"]: t["why"] for t in adapter["tensors"] if t["why"]} == {ODD: reason(kind)}
    (unread,) = document["unread"]
    assert (unread["path"], unread["state"]) == ("adapter_model.bin", "unreadable")
    assert unread["reason"] == f"{reason(kind)}; all others are"


@pytest.mark.parametrize("form", ["terminal", "html", "csv"])
@pytest.mark.parametrize("what", ["", "/adapter_model.bin"])
def test_people_read_the_name_and_the_reason(form: str, what: str, capsys: Capture, tmp_path: Path) -> None:
    place = f"{write(tmp_path, folder('sparse'))}{what}"
    done = audit(capsys, "inspect", place, "--format", form)
    text = html_module.unescape(re.sub("<[^>]*>", "", done.out)) if form == "html" else done.out
    assert done.code == 3
    assert reason("sparse") in flat(text)
    assert "lora_A" in audit(capsys, "inspect", place, "--format", "csv", "--table", "tensors").out
    if form != "html":  # whose legend has the words
        assert "missing" not in text
        assert "incomplete" not in text


def test_python_shows_the_rest(tmp_path: Path) -> None:
    with auditor.open(write(tmp_path, folder("quantized"))) as opened:
        (adapter,) = opened.adapters
        assert sum(module.norm is not None for module in adapter.modules) == len(FACTORS) - 1
        assert [item.reason for item in opened.unread] == [f"{reason('quantized')}; all others are"]


@pytest.mark.parametrize("sides", [("sparse", None), (None, "quantized"), ("sparse", "sparse")])
def test_equal_rest_is_not_called_identical(
    sides: tuple[str | None, str | None], capsys: Capture, tmp_path: Path
) -> None:
    places = [str(write(tmp_path / n, folder(kind))) for n, kind in zip("ab", sides, strict=True)]
    document = as_json(capsys, *places, "--tensors")
    says = f"adapter_model.bin {reason(sides[0] or sides[1] or '')}"
    found = document["comparison"]
    assert (found["relation"], found["why"]) == ("not comparable", says)
    assert found["uncompared"] == [{"module": MODULE, "why": says}]
    assert {module["relative_distance"] for module in found["modules"]} == {0.0}
    assert len(found["modules"]) == len(FACTORS) - 1
    rows = {row["name"]: row for row in document["tensors"]}
    assert rows[ODD]["why"] == reason(sides[0] or sides[1] or "")
    assert {row["differing"] for name, row in rows.items() if name != ODD} == {0}
    done = audit(capsys, "inspect", *places, "--tensors")
    assert done.code == 3
    assert f"0 of {2 * len(FACTORS)} tensors differ, 1 not compared" in flat(done.out)


def test_a_difference_elsewhere_is_one(capsys: Capture, tmp_path: Path) -> None:
    other = {**FACTORS, "model.layers.0.mlp.down_proj": made.factors(2)["model.layers.0.mlp.down_proj"]}
    places = [
        str(write(tmp_path / n, folder("sparse", some)))
        for n, some in zip("ab", (FACTORS, other), strict=True)
    ]
    found = as_json(capsys, *places)["comparison"]
    assert found["relation"] == "different"
    assert reason("sparse") in found["why"]
    furthest = max(found["modules"], key=lambda module: module["relative_distance"])
    assert furthest["module"] == "model.layers.0.mlp.down_proj"


def test_without_a_configuration_tensors_are_compared(capsys: Capture, tmp_path: Path) -> None:
    places = [
        str(write(tmp_path / n, {"adapter_model.bin": folder(kind)["adapter_model.bin"]}))
        for n, kind in (("a", None), ("b", "sparse"))
    ]
    found = as_json(capsys, *places)["comparison"]
    assert found["relation"] == "not comparable"
    assert reason("sparse") in found["why"]
    assert len(found["modules"]) == 2 * len(FACTORS) - 1


def test_whole_models_too(capsys: Capture, tmp_path: Path) -> None:
    def model(odd: object) -> dict[str, bytes]:
        writer = Writer()
        return {"pytorch_model.bin": saved(writer, {"w": Tensor([1.0, 2.0], (2,)), "odd": odd})}

    one = str(write(tmp_path / "a", model(sparse((2, 2)))))
    two = str(write(tmp_path / "b", model(Tensor([0.0, 3.0, 0.0, 0.0], (2, 2)))))
    (tensor,) = [t for t in as_json(capsys, one)["runs"][0]["adapters"][0]["tensors"] if t["why"]]
    assert (tensor["name"], tensor["shape"], tensor["why"]) == ("odd", [2, 2], reason("sparse", "odd"))
    found = as_json(capsys, one, two)["comparison"]
    assert (found["relation"], [m["module"] for m in found["modules"]]) == ("not comparable", ["w"])
    assert found["why"] == f"a weight file {reason('sparse', 'odd')}"


def test_many_are_counted() -> None:
    tensors = {f"t{number}": sparse((2, 2)) for number in range(25)}
    (unread,) = inspect(made.snapshot({"adapter_model.bin": saved(Writer(), tensors)})).unread
    assert unread.reason.startswith("holds 25 sparse or quantized tensors, which are not read: 't0', 't1'")
    assert unread.reason.endswith("'t19' and 5 more")


@pytest.mark.parametrize("kind", KINDS)
def test_rules_do_not_see_the_file(kind: str, capsys: Capture, tmp_path: Path) -> None:
    """No tensor is missing to them, and no quantized storage is a call."""
    files = folder(kind)
    with pytest.raises(CannotRead, match=rf"makes '{re.escape(ODD)}' by torch\._utils\._rebuild_"):
        AdapterWeights.parse(blob(files["adapter_model.bin"], "adapter_model.bin"))
    archive = PickleArchive.parse(blob(files["adapter_model.bin"], "adapter_model.bin"))
    assert (archive.unsafe, archive.unknown_globals) == ((), ())
    place = str(write(tmp_path, files))
    document: dict[str, Any] = json.loads(audit(capsys, "check", place, "--format", "json").out)
    assert {f["severity"] for f in document["findings"]} <= {"note"}
    assert [item["path"] for item in document["unread"]] == ["adapter_model.bin"]


BARE = Opcodes(b"ctorch\nTensor\n)\x81")
HOSTILE: dict[str, Callable[[], bytes]] = {
    **{name: make for name, (make, _) in FORGED.items()},
    "bare": lambda: saved(Writer(), {"w": Tensor([1.0], (1,)), "v": BARE, "s": sparse((2, 2))}),
    "too large": lambda: saved(Writer(), {"w": Tensor([1.0], (1,)), "s": sparse((2**30, 2**30))}),
    "old container": lambda: make_legacy({"w": sparse((2, 2)), "v": BARE}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_refused_for_another_reason_stays_refused(name: str) -> None:
    data = HOSTILE[name]()
    with pytest.raises(CannotRead):
        AdapterWeights.in_part(blob(data, "adapter_model.bin"))
    (unread,) = inspect(made.snapshot({"adapter_model.bin": data})).unread
    with pytest.raises(CannotRead) as caught:
        AdapterWeights.parse(blob(data, "adapter_model.bin"))
    assert unread.reason == caught.value.reason


def test_an_old_container_that_ends_before_a_tensor_is_said_of_it() -> None:
    """The storages of what is not read are stepped over; none of them is there."""
    weights = AdapterWeights.in_part(
        blob(make_legacy({"w": sparse((2, 2)), "v": Tensor([1.0], (1,))}), "adapter_model.bin")
    )
    assert list(weights.unread) == ["w"]
    for name in "wv":
        with pytest.raises(CannotRead):
            weights.array(name)


def test_a_lora_b_that_is_not_read_may_have_moved() -> None:
    """All others rest at zero, which is unusual only where that is all of them."""
    still = {name: (a, numpy.zeros_like(b)) for name, (a, b) in FACTORS.items()}
    more = {"trainer_state.json": made.state(10, 10), "training_args.bin": made_arguments()}
    found = {}
    for kind in (None, "sparse"):
        files = {**folder(kind, still, ODD.replace("lora_A", "lora_B")), **more}
        (run,) = inspect(made.snapshot(files)).runs
        assert run.reach is not None
        found[kind] = run.reach.verdict
    assert found == {None: "unusual", "sparse": "usual"}


def made_arguments() -> bytes:
    from tests.builders.pickles import make_training_args

    return make_training_args(
        {"learning_rate": 1e-3, "lr_scheduler_type": "constant", "optim": "adamw_torch"}
    )


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch calls both ways of storing a beta, or old
@pytest.mark.parametrize("kind", ["coo", "csr", "per tensor", "per channel"])
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "before 1.6"])
def test_files_of_torch(kind: str, is_zip: bool, tmp_path: Path) -> None:
    """The honest run saved by torch with one tensor in each way; its seed is never denied.

    A quantized lora_A is passed over as any that holds integers; of the 13 others seed 42 is known.
    """
    import torch

    ways: dict[str, Callable[[Any], Any]] = {
        "coo": lambda t: t.to_sparse(),
        "csr": lambda t: t.to_sparse_csr(),
        "per tensor": lambda t: torch.quantize_per_tensor(t, 0.01, 0, torch.quint8),
        "per channel": lambda t: torch.quantize_per_channel(
            t, torch.full((len(t),), 0.01), torch.zeros(len(t)), 0, torch.qint8
        ),
    }
    whole = healthy()
    weights = AdapterWeights.parse(whole.files["adapter_model.safetensors"])
    tensors = {name: torch.from_numpy(numpy.array(weights.array(name))) for name in weights.tensors}
    name = next(iter(tensors))
    value = {**tensors, name: ways[kind](tensors[name])}
    torch.save(value, tmp_path / "x.bin", _use_new_zipfile_serialization=is_zip)
    files = {"adapter_model.bin": (tmp_path / "x.bin").read_bytes()}
    for path in ("adapter_config.json", "training_args.bin", "trainer_state.json"):
        with whole.files[path].open() as stream:
            files[path] = stream.read()
    (run,) = inspect(memory_snapshot("x", files), InspectOptions(seed=42)).runs
    (before,) = inspect(whole).runs
    assert run.adapter is not None
    assert before.adapter is not None
    known = {m.module: m.norm for m in run.adapter.modules if m.why is None}
    assert len(known) == 13
    assert known == {m.module: m.norm for m in before.adapter.modules if m.module in known}
    assert [t.name for t in run.adapter.tensors if t.why is not None] == [name]
    assert [t.shape for t in run.adapter.tensors] == [t.shape for t in before.adapter.tensors]
    assert run.seed is not None
    expected = "inconclusive" if kind in ("coo", "csr") else "consistent"
    assert (run.seed.verdict, run.seed.seed) == (expected, 42)
