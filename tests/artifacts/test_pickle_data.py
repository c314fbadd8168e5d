"""Pickles of data libraries are no attack, and their names open no way to one."""

import io
import pickle

import pandas
import pytest

from auditor.artifacts.pickle_archive import PickleArchive
from tests.builders.blobs import blob
from tests.builders.pickles import Call, Global, make_torch


def frame() -> pandas.DataFrame:
    dates = pandas.date_range("2024-01-01", periods=3)
    return pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}, index=dates)


@pytest.mark.parametrize("value", [frame(), frame()["a"], frame().index, pandas.Timestamp("2024-01-01")])
def test_what_pandas_writes_is_read_without_alarm(value: object) -> None:
    out = io.BytesIO()
    pickle.dump(value, out)
    found = PickleArchive.parse(blob(out.getvalue(), "frame.pkl"))
    assert found.unsafe == ()
    assert found.unknown_globals == ()


@pytest.mark.parametrize(
    ("module", "name", "argument"),
    [
        ("pandas.core.computation.eval", "eval", "__import__('os')"),
        ("pandas.io.pickle", "read_pickle", "x.pkl"),
        ("pandas.core.indexes.base", "_new_Index", Global("subprocess", "Popen")),
        ("sklearn.datasets._base", "load_files", "/"),
        ("numpy.testing._private.utils", "runstring", "x"),
        ("scipy.io", "loadmat", "x"),
        ("pandas.core.frame", "DataFrame.to_pickle", "x"),
        ("pandas_evil.core", "Frame", "x"),
    ],
)
def test_a_call_that_does_more_is_refused(module: str, name: str, argument: object) -> None:
    value = Call(Global(module, name), (argument,))
    found = PickleArchive.parse(blob(make_torch(value), "x.pkl"))
    assert [call.callable for call in found.unsafe] == [f"{module}.{name}"]
