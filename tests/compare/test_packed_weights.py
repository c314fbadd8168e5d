"""Weights that bitsandbytes stores in 4 bits, against bitsandbytes itself and by hand."""

import json
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.artifacts.model_weights import ModelWeights
from auditor.compare import _one_pass
from auditor.compare.models import compare_models
from auditor.compare.tensors import compare_weights
from auditor.engine.inspect import side_by_side
from tests.builders import adapter_folders as made
from tests.builders.blobs import blob
from tests.builders.counting import Counted
from tests.builders.safetensors import entry, make_safetensors

MARK = "w.weight.quant_state.bitsandbytes__nf4"
Entries = dict[str, tuple[str, tuple[int, ...], bytes]]


def read(entries: Entries) -> ModelWeights:
    return ModelWeights.parse(blob(make_safetensors(entries), "model.safetensors"))


def packed(codes: bytes, absmax: list[float], shape: list[int], **state: object) -> Entries:
    """A weight whose 16 numbers are -8 to 7, in blocks of 4."""
    text = json.dumps(
        {"quant_type": "nf4", "blocksize": 4, "dtype": "bfloat16", "shape": shape, **state}
    ).encode()
    return {
        "w.weight": ("U8", (len(codes), 1), codes),
        "w.weight.absmax": entry(numpy.array(absmax, "<f4")),
        "w.weight.quant_map": entry(numpy.arange(-8, 8).astype("<f4")),
        MARK: ("U8", (len(text),), text),
    }


VALUES = numpy.array([-7, -6, -5, -4, 0, 10, 20], "<f4")
"""Codes 1 2 3 4 times 1 and 8 9 10 times 10: the first of a byte in its upper half."""
GOOD = packed(bytes([0x12, 0x34, 0x89, 0xA0]), [1, 10], [7])


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 100])
def test_codes_times_scales(chunk: int) -> None:
    found = compare_weights(read(GOOD), read({"w.weight": entry(VALUES)}), chunk=chunk)
    assert [(t.name, t.elements, t.equal) for t in found.tensors] == [("w.weight", 7, True)]
    assert (found.only_base, found.notes) == ((), ())
    assert found.parts == {"w.weight.absmax", "w.weight.quant_map", MARK}
    assert found.reshaped == (("w.weight", "NF4 [7]", "F32 [7]"),)


def test_scales_that_are_codes_themselves() -> None:
    """absmax codes 3 and 0 of blocks of one: 3 * 2 + 0.5 and 0 * 100 + 0.5."""
    nested = packed(bytes([0x99, 0x99, 0xAA, 0xA0]), [0], [7], nested_blocksize=1, nested_offset=0.5)
    nested["w.weight.absmax"] = ("U8", (2,), bytes([3, 0]))
    nested["w.weight.nested_absmax"] = entry(numpy.array([2, 100], "<f4"))
    nested["w.weight.nested_quant_map"] = entry(numpy.arange(256).astype("<f4"))
    expected = numpy.array([6.5] * 4 + [1.0] * 3, "<f4")
    assert all(t.equal for t in compare_weights(read(nested), read({"w.weight": entry(expected)})).tensors)


def test_other_scales_are_other_numbers() -> None:
    """|a - b| over the second block doubled: (0, 10, 20) against (0, 20, 40)."""
    other = {**GOOD, "w.weight.absmax": entry(numpy.array([1, 20], "<f4"))}
    found = compare_weights(read(GOOD), read(other)).tensors[0]
    assert (found.name, found.differing, found.first, found.max_abs) == ("w.weight", 2, 5, 20.0)


def test_two_models_relate_by_the_numbers_that_codes_stand_for() -> None:
    """Distances of codes and scales would be of nothing that a model computes with."""
    plain = {"w.weight": entry(VALUES)}
    assert compare_models((read(GOOD),), (read(plain),)).relation == "identical"
    other = {**GOOD, "w.weight.absmax": entry(numpy.array([1, 20], "<f4"))}
    found = compare_models((read(GOOD),), (read(other),))
    changed = numpy.array([-7, -6, -5, -4, 0, 20, 40])
    assert [item.module for item in found.modules] == ["w.weight"]
    assert found.relative_distance == pytest.approx(
        float(numpy.linalg.norm(changed - VALUES) / numpy.linalg.norm(changed)), rel=1e-6
    )
    alone = compare_models((read({**GOOD, "v": entry(VALUES)}),), (read({"v": entry(VALUES)}),))
    assert alone.relation == "different"
    assert [item.base_norm for item in alone.modules] == pytest.approx(
        [float(numpy.linalg.norm(VALUES))] * 2, rel=1e-6
    )
    assert compare_models((read(GOOD),), (read(GOOD),)).relation == "identical"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({MARK: ("U8", (1,), b"{")}, f"holds a quantization state '{MARK}' that is not JSON"),
        ({MARK: ("U8", (2,), b"[]")}, f"holds a quantization state '{MARK}' that is no JSON object"),
        (packed(b"\x12" * 4, [1, 10], [9]), "gives 'w.weight' 4 bytes for 9 elements of 4 bits"),
        (packed(b"\x12" * 4, [1], [8]), "holds 1 scales for the 2 blocks of 'w.weight'"),
        (packed(b"\x12" * 4, [1, 1], [8], blocksize=0), f"gives no possible size of a block in '{MARK}'"),
        (packed(b"\x12" * 4, [1, 1], [2**63]), f"gives no shape in '{MARK}'"),
        (
            {"w.weight.quant_map": entry(numpy.zeros(3, "<f4"))},
            "holds 3 elements of F32 in 'w.weight.quant_map', not 16 F32",
        ),
    ],
)
def test_a_state_that_is_not_understood_is_said_and_compared_as_bytes(edit: Entries, says: str) -> None:
    bad = {**GOOD, **edit}
    other = {**bad, "w.weight": ("U8", (4, 1), b"\x13" + bad["w.weight"][2][1:])}
    found = compare_weights(read(bad), read(other))
    assert found.notes == (f"model.safetensors {says}; 'w.weight' is compared as bytes",) * 2
    assert [t.name for t in found.tensors if not t.equal] == ["w.weight"]
    assert len(found.tensors) == 4


@pytest.mark.rerun
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("double", [False, True])
def test_agrees_with_bitsandbytes(kind: str, double: bool) -> None:
    """Dequantised in float32 by bitsandbytes 0.50 on the CPU."""
    import torch
    from bitsandbytes import functional

    values = torch.randn(96, 70, generator=torch.Generator().manual_seed(0))
    data, state = functional.quantize_4bit(values, quant_type=kind, compress_statistics=double)
    entries: Entries = {"w.weight": entry(numpy_of(data))}
    for name, part in state.as_dict(packed=True).items():
        entries[f"w.weight.{name}"] = entry(numpy_of(part))
    expected = numpy_of(functional.dequantize_4bit(data, state))
    found = compare_weights(read(entries), read({"w.weight": entry(expected)}))
    assert [(t.name, t.elements) for t in found.tensors] == [("w.weight", 6720)]
    assert found.tensors[0].relative_l2 < 1e-6
    assert found.reshaped[0][1] == f"{kind.upper()} [96, 70]"


def numpy_of(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tensor.contiguous().numpy()
    return array


def test_codes_and_their_scales_are_read_once_where_an_adapter_holds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As stored for the relation, and as numbers for the tensor's own row; three blocks of 64 KB each."""
    monkeypatch.setattr(_one_pass, "_BUNDLE", 1)
    generator = numpy.random.default_rng(1)
    codes = generator.integers(0, 256, (3, 65_536), dtype=numpy.uint8)
    sides = []
    for change in (0, 1):
        entries = dict(make_adapter_entries())
        for layer in range(3):
            data = bytes([codes[layer, 0] ^ change]) + codes[layer, 1:].tobytes()
            made_of = packed(data, [1.0] * 32_768, [131_072])
            entries |= {
                name.replace("w.", f"base_model.model.l{layer}.", 1): e for name, e in made_of.items()
            }
        files = {"adapter_config.json": made.config(), "adapter_model.safetensors": make_safetensors(entries)}
        sides.append(Counted(made.snapshot(files), named=False))
    found = side_by_side(sides[0].snapshot, sides[1].snapshot, tensors=True)
    rows = {row.name: row for row in found.tensors if row.differing}
    assert list(rows) == [f"base_model.model.l{layer}.weight" for layer in range(3)]
    for row in rows.values():
        assert (row.differing, row.first, row.max_abs) == (1, 1, 1.0)  # the lower half of the byte
    assert [side.factor(".safetensors") <= 1.01 for side in sides] == [True, True]


def make_adapter_entries() -> Entries:
    return {
        f"base_model.model.{name}.lora_{part}.weight": entry(array)
        for name, pair in made.factors(3).items()
        for part, array in zip("AB", pair, strict=True)
    }
