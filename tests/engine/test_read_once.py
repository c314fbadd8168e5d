"""No byte of a weight file is read twice: reads are counted where the file is opened."""

from collections.abc import Mapping
from typing import Any

import numpy
import pytest

from auditor.compare import _lockstep, _one_pass
from auditor.engine.inspect import InspectOptions, inspect, side_by_side
from auditor.model.inspection import Inspection
from tests.builders import adapter_folders as made
from tests.builders import drawn
from tests.builders.counting import Counted
from tests.builders.pickles import Tensor, make_optimizer, make_torch, make_training_args
from tests.builders.safetensors import make_arrays

WEIGHTS = (".safetensors", "adapter_model.bin")
MOST = 1.02
"""Bytes read over the sum of the sizes; headers are a part of the files."""
NAMES = made.modules(6)
P = "base_model.model."


@pytest.fixture(params=["one stretch", "many stretches", "slices"])
def stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files smaller than what is held at a time, and ten times larger; tensors too large to be held."""
    if request.param == "slices":
        monkeypatch.setattr(_one_pass, "LARGEST", 10)
        monkeypatch.setattr(_lockstep, "ROOM", 40_000)
    if request.param == "many stretches":
        monkeypatch.setattr(_one_pass, "UNPACKED", 12_000)
        monkeypatch.setattr(_one_pass, "_BUNDLE", 3_000)
    return str(request.param)


def factors(seed: int) -> dict[str, Any]:
    """18 modules, 126 KB."""
    return made.factors(seed, NAMES, shape=(260, 180))


def moving(checkpoints: int) -> dict[str, bytes]:
    """A run whose factors move from checkpoint to checkpoint; its own folder holds the last one's adapter."""
    files: dict[str, bytes] = {}
    current = factors(0)
    for step in range(1, checkpoints + 1):
        other = factors(step)
        current = {
            name: tuple(x + numpy.float32(0.1) * y for x, y in zip(pair, other[name], strict=True))
            for name, pair in current.items()
        }
        files |= made.folder(current, f"checkpoint-{step}")
        files[f"checkpoint-{step}/trainer_state.json"] = made.state(step, checkpoints)
    return {**files, **made.folder(current)}


def counted(files: Mapping[str, bytes], named: bool = True) -> tuple[Counted, Inspection]:
    source = Counted(made.snapshot(files), named)
    return source, inspect(source.snapshot, InspectOptions(seed=None))


def test_one_adapter_with_its_seed_looked_at(stretches: str) -> None:
    """The seed is tried on the run's own adapter; what that takes of lora_A stays in memory."""
    base = factors(1)
    base[NAMES[2]] = (base[NAMES[2]][0], numpy.zeros_like(base[NAMES[2]][1]))
    files = made.folder(base)
    files["training_args.bin"] = make_training_args({"learning_rate": 2e-4, "seed": 42})
    source, found = counted(files)
    assert 1.0 <= source.factor(*WEIGHTS) <= MOST
    (run,) = found.runs
    assert run.seed is not None
    assert run.seed.seed == 42
    assert found == inspect(made.snapshot(files))


@pytest.mark.parametrize("options", [InspectOptions(seed=42), InspectOptions(recover=(30, 50))])
@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_a_seed_that_is_asked_for(stretches: str, drift: float, options: InspectOptions) -> None:
    """All 8,000 numbers of each module are looked at, and stay in memory for it; training moved the last checkpoint."""
    shapes = tuple((f"model.layers.{n}.mlp.up_proj", 2000, 40) for n in range(3))
    begun = drawn.factors(42, shapes)
    files = {
        **made.folder(drawn.trained(begun, 0.1), "checkpoint-1"),
        **made.folder(drawn.trained(begun, drift)),
    }
    source = Counted(made.snapshot(files))
    (run,) = inspect(source.snapshot, options).runs
    assert run.seed is not None
    assert (run.seed.seed, run.seed.verdict) == (42, "consistent" if drift else "proved")
    assert source.factor(*WEIGHTS) <= MOST


def test_a_run_of_checkpoints_and_its_own_copy(stretches: str) -> None:
    source, found = counted(moving(3), named=False)
    assert 1.0 <= source.factor(*WEIGHTS) <= MOST
    (run,) = found.runs
    assert [item.comparison.relation for item in run.relations] == ["different", "different", "identical"]
    assert source.open_at_once <= (4 if stretches == "slices" else 2)


def test_stretches_change_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = inspect(made.snapshot(moving(4)))
    monkeypatch.setattr(_one_pass, "UNPACKED", 12_000)
    monkeypatch.setattr(_one_pass, "_BUNDLE", 1)
    assert inspect(made.snapshot(moving(4))) == whole


def test_many_checkpoints_keep_few_files_open(stretches: str) -> None:
    source, _ = counted(moving(30))
    assert source.factor(*WEIGHTS) <= MOST
    assert source.open_at_once <= (31 if stretches == "slices" else 2)


def test_scaled_and_turned_adapters_are_measured_again_in_memory(stretches: str) -> None:
    """Checkpoints of one direction (a second measurement at 1/k), then of another basis (a second one by QR)."""
    base = factors(2)
    turn = numpy.linalg.qr(numpy.random.default_rng(3).normal(size=(made.RANK, made.RANK)))[0]
    turned = {n: ((turn.T @ a).astype("f4"), (b @ turn).astype("f4")) for n, (a, b) in base.items()}
    files: dict[str, bytes] = {}
    for step, some in enumerate((base, made.moved(base, 1.7), base, turned), 1):
        files |= made.folder(some, f"checkpoint-{step}")
    source, found = counted(files)
    (run,) = found.runs
    assert [item.comparison.relation for item in run.relations] == ["scaled", "scaled", "equivalent"]
    assert source.factor(*WEIGHTS) <= MOST


def test_rounded_copies_duplicates_and_dead_modules_are_found_on_the_way(stretches: str) -> None:
    base = factors(4)
    base[NAMES[1]] = (base[NAMES[1]][0], base[NAMES[0]][1])
    base[NAMES[5]] = (base[NAMES[5]][0], numpy.zeros_like(base[NAMES[5]][1]))
    half = {name: (a.astype("f2"), b.astype("f2")) for name, (a, b) in base.items()}
    source, found = counted({**made.folder(base, "checkpoint-1"), **made.folder(half)})
    (run,) = found.runs
    assert "every number of the head is the base's, rounded to F16" in run.relations[0].says
    assert run.adapter is not None
    words = {module.module: [c.word for c in module.conditions] for module in run.adapter.modules}
    assert words[NAMES[0]] == words[NAMES[1]] == ["duplicate"]
    assert words[NAMES[5]] == ["dead"]
    assert source.factor(*WEIGHTS) <= MOST


def test_files_that_differ_in_names_order_shape_and_type(stretches: str) -> None:
    """Every neighbour has other tensors: one less, the others turned round, another rank, another type, heads, DoRA."""
    files: dict[str, bytes] = {}
    for step in range(1, 6):
        arrays = dict[str, Any]()
        for name, (a, b) in factors(step).items():
            if step == 2 and name == NAMES[3]:
                continue
            if step == 3 and name == NAMES[4]:
                a, b = a[:2], b[:, :2]
            kind = "f2" if step == 4 else "f4"
            arrays[f"{P}{name}.lora_A.weight"] = a.astype(kind)
            arrays[f"{P}{name}.lora_B.weight"] = b.astype(kind)
            arrays[f"{P}{name}.lora_magnitude_vector"] = numpy.full(260, step, "f4")
        arrays[f"{P}score.weight"] = numpy.full((40, 20 + step // 4), step, "f4")
        files[f"checkpoint-{step}/adapter_config.json"] = made.config(use_dora=True)
        turned = dict(reversed(arrays.items())) if step == 3 else arrays
        files[f"checkpoint-{step}/adapter_model.safetensors"] = make_arrays(turned)
    source, found = counted(files)
    (run,) = found.runs
    assert [item.comparison.relation for item in run.relations] == ["different"] * 4
    assert source.factor(*WEIGHTS) <= MOST


def test_torch_files_beside_safetensors(stretches: str) -> None:
    files: dict[str, bytes] = {}
    for step in (1, 2):
        arrays = {
            f"{P}{name}.lora_{part}.weight": Tensor(array.reshape(-1).tolist(), array.shape)
            for name, pair in factors(step).items()
            for part, array in zip("AB", pair, strict=True)
        }
        files[f"checkpoint-{step}/adapter_config.json"] = made.config()
        files[f"checkpoint-{step}/adapter_model.bin"] = make_torch(arrays)
    files |= made.folder(factors(2))
    source, found = counted(files)
    (run,) = found.runs
    assert [item.comparison.relation for item in run.relations] == ["different", "identical"]
    assert source.factor(*WEIGHTS) <= 1.1  # the pickle and the zip's directory are a tenth of so small a file


def test_another_method_than_lora(stretches: str) -> None:
    files: dict[str, bytes] = {}
    for step in (1, 2, 3):
        vectors = {f"{P}{name}.ia3_l": numpy.full((900, 1), step, "f4") for name in NAMES}
        files[f"checkpoint-{step}/adapter_config.json"] = made.config(peft_type="IA3")
        files[f"checkpoint-{step}/adapter_model.safetensors"] = make_arrays(vectors)
    source, found = counted(files)
    (run,) = found.runs
    assert [item.comparison.relation for item in run.relations] == ["scaled", "scaled"]
    assert source.factor(*WEIGHTS) <= MOST


@pytest.mark.parametrize("tensors", [False, True])
def test_two_adapters_side_by_side(stretches: str, tensors: bool) -> None:
    """The tensors are equal up to the last module, where comparing bytes first would read nearly all of them twice."""
    base = factors(7)
    other = {**base, NAMES[-1]: factors(8)[NAMES[-1]]}
    one, two = (Counted(made.snapshot(made.folder(some))) for some in (base, other))
    found = side_by_side(one.snapshot, two.snapshot, tensors=tensors)
    assert found.comparison.relation == "different"
    assert 1.0 <= one.factor(*WEIGHTS) <= MOST
    assert 1.0 <= two.factor(*WEIGHTS) <= MOST
    differing = {row.name for row in found.tensors if row.differing}
    names = {f"{P}{NAMES[-1]}.lora_{part}.weight" for part in "AB"}
    assert (differing, found.proof) == ((names, "numbers") if tensors else (set(), None))


def test_equal_files_are_proved_equal_by_what_was_read(stretches: str) -> None:
    one, two = (Counted(made.snapshot(made.folder(factors(9))), named=False) for _ in range(2))
    found = side_by_side(one.snapshot, two.snapshot, tensors=True)
    assert (found.comparison.relation, found.proof) == ("identical", "equal bytes")
    assert one.factor(*WEIGHTS) <= 1.05  # and the header once more, a thirtieth of so small a file


def test_equal_files_of_torch_are_proved_equal_by_what_was_read(stretches: str) -> None:
    """What lies between the tensors is compared last: one byte that differs there makes them no equal files."""
    arrays = {
        f"{P}{name}.lora_{part}.weight": Tensor(array.reshape(-1).tolist(), array.shape)
        for name, pair in made.factors(9, NAMES[:3], shape=(9000, 4000)).items()
        for part, array in zip("AB", pair, strict=True)
    }
    data = make_torch(arrays)
    other = data.replace(b"archive/version3", b"archive/version2")
    sides = [
        Counted(made.snapshot({"adapter_config.json": made.config(), "adapter_model.bin": some}), named=False)
        for some in (data, data, other)
    ]
    found = side_by_side(sides[0].snapshot, sides[1].snapshot, tensors=True)
    assert (found.comparison.relation, found.proof) == ("identical", "equal bytes")
    assert sides[0].factor(*WEIGHTS) <= 1.03
    found = side_by_side(sides[0].snapshot, sides[2].snapshot, tensors=True)
    assert data != other
    assert (found.comparison.relation, found.proof) == ("identical", "numbers")


def test_equal_numbers_in_other_bytes_are_no_equal_files(stretches: str) -> None:
    """-0.0 is 0.0, and metadata is no number."""
    base = factors(10)
    base[NAMES[0]][1][3, 1] = 0.0
    negative = {**base, NAMES[0]: (base[NAMES[0]][0], base[NAMES[0]][1].copy())}
    negative[NAMES[0]][1][3, 1] = -0.0
    arrays = {
        f"{P}{name}.lora_{part}.weight": array
        for name, pair in base.items()
        for part, array in zip("AB", pair, strict=True)
    }
    config = {"adapter_config.json": made.config()}
    whole = made.snapshot({**config, "adapter_model.safetensors": make_arrays(arrays)})
    noted = made.snapshot({**config, "adapter_model.safetensors": make_arrays(arrays, {"a": "b"})})
    for one, two in (
        (made.snapshot(made.folder(base)), made.snapshot(made.folder(negative))),
        (whole, noted),
    ):
        found = side_by_side(one, two, tensors=True)
        assert (found.comparison.relation, found.proof) == ("identical", "numbers")
        assert not any(row.differing for row in found.tensors)


def test_two_models_side_by_side() -> None:
    generator = numpy.random.default_rng(11)
    base = {f"layers.{n}.w": generator.normal(size=(90, 70)).astype("f4") for n in range(6)}
    head = {**base, "layers.5.w": base["layers.5.w"] * numpy.float32(2)}
    one, two = (Counted(made.snapshot({"model.safetensors": make_arrays(some)})) for some in (base, head))
    found = side_by_side(one.snapshot, two.snapshot, tensors=True)
    assert found.comparison.relation == "different"
    assert [row.name for row in found.tensors if row.differing] == ["layers.5.w"]
    assert one.factor(*WEIGHTS) <= MOST
    assert two.factor(*WEIGHTS) <= MOST


def test_moments_of_an_optimizer() -> None:
    """64 parameters with moments of 40 KB each."""
    data = make_optimizer([(100, 50)] * 64, step=3.0, moments=lambda number, _: float(number))
    source, found = counted({"optimizer.pt": data})
    (run,) = found.runs
    assert run.states[0].optimizer is not None
    assert run.states[0].optimizer.first_moment is not None
    assert 0.9 < source.factor("optimizer.pt") <= MOST  # checksums in the zip are of no interest
