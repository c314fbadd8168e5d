import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._pickle_plain import plain
from auditor.artifacts._pickle_values import EnumValue, Instance, NumpyArrayRef
from auditor.artifacts.pickle_archive import PickleArchive
from tests.builders.blobs import blob
from tests.builders.pickles import (
    Call,
    Global,
    New,
    make_torch,
    named,
)


def parsed(data: bytes, path: str = "folder/file.bin") -> PickleArchive:
    return PickleArchive.parse(blob(data, path))


VALUES: list[object] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        255,
        65536,
        -(2**40),
        2**70,
        0.5,
        float("inf"),
        "",
        "text",
        "é\n",
        b"",
        b"\x00\xff",
    ),
    *(
        [],
        [1, [2, [3]]],
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
        {},
        {"a": {"b": (1.5, None)}},
        {7: "x", 0: "y"},
    ),
    *({"k": ["v"] * 300}, "x" * 70_000),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_plain_values_read_as_python_reads_them(value: object, protocol: int) -> None:
    assert parsed(pickle.dumps(value, protocol)).value == value


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.tuples(inner, inner)
        | st.lists(inner).map(tuple)
    ),
    max_leaves=30,
)


@given(plain_values, st.sampled_from(range(pickle.HIGHEST_PROTOCOL + 1)))
@settings(max_examples=150, deadline=None)
def test_any_plain_value_survives_pickling_and_our_reading(value: object, protocol: int) -> None:
    assert parsed(pickle.dumps(value, protocol)).value == value


def test_a_value_that_holds_itself_is_read() -> None:
    value: list[object] = []
    value.append(value)
    found = parsed(pickle.dumps(value, 2)).value
    assert isinstance(found, list)
    assert found[0] is found
    assert plain(found, 3) == [[["..."]]]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_arrays_and_scalars_are_read_as_bytes_and_numbers(protocol: int) -> None:
    array = np.arange(6, dtype=np.uint32).reshape(2, 3)
    value = {"array": array, "scalar": np.float64(1.25), "big": array.astype(">i2"), "flag": np.bool_(True)}
    archive = parsed(pickle.dumps(value, protocol))
    found = archive.value
    assert isinstance(found, dict)
    assert archive.unsafe == ()
    assert archive.unknown_globals == ()
    ours = found["array"]
    assert isinstance(ours, NumpyArrayRef)
    assert (ours.dtype, ours.shape, ours.data) == ("<u4", (2, 3), array.tobytes())
    assert (found["big"].dtype, found["big"].data) == (">i2", array.astype(">i2").tobytes())
    assert found["scalar"].number == 1.25
    assert found["flag"].number is True


def test_enum_members_are_read_by_value_and_by_name() -> None:
    by_value = Call(named("transformers.trainer_utils.SchedulerType"), ("cosine",))
    hub = Call(
        Global("__builtin__", "getattr"), (named("transformers.trainer_utils.HubStrategy"), "EVERY_SAVE")
    )
    kind = (named("accelerate.utils.dataclasses.DistributedType"), "MULTI_GPU")
    archive = parsed(make_torch([by_value, hub, Call(Global("__builtin__", "getattr"), kind)]))
    # transformers 4.51.3 trainer_utils.py: EVERY_SAVE = "every_save"; accelerate: MULTI_GPU = "MULTI_GPU".
    assert [str(item) for item in plain_list(archive.value)] == ["cosine", "every_save", "MULTI_GPU"]
    assert archive.unsafe == ()
    assert archive.unknown_globals == ()


def plain_list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def test_an_enum_of_a_known_library_that_is_not_listed_is_unknown_and_not_unsafe() -> None:
    archive = parsed(make_torch(Call(named("trl.trainer.new_config.NewStrategy"), ("often",))))
    assert archive.value == EnumValue("trl.trainer.new_config.NewStrategy", "often")
    assert archive.unknown_globals == ("trl.trainer.new_config.NewStrategy",)
    assert archive.unsafe == ()


def test_vllm_sampling_parameters_are_a_record() -> None:
    record = Call(named("vllm.sampling_params.SamplingParams"), (1, None, 0.5))
    found = parsed(make_torch(record))
    assert isinstance(found.value, Instance)
    assert found.value.arguments == (1, None, 0.5)
    assert found.unsafe == ()


def test_a_class_of_ones_own_is_unknown_and_its_attributes_are_read() -> None:
    archive = parsed(make_torch(New(Global("hparams.arguments", "MyArguments"), {"lr": 0.1})))
    assert isinstance(archive.value, Instance)
    assert archive.value.state == {"lr": 0.1}
    assert archive.unknown_globals == ("hparams.arguments.MyArguments",)
    assert archive.unsafe == ()
