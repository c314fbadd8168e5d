"""NumPy files: arrays of numbers, of plain objects, and of an object that calls something when it is loaded."""

import io
import zipfile
from collections.abc import Mapping

import numpy

from tests.builders.pickles import Call, dumps, named


def make_npy(value: object = None, calling: str | None = None) -> bytes:
    """An .npy as NumPy writes it; with ``calling`` the header of an object array before a pickle that calls."""
    target = io.BytesIO()
    numpy.save(target, numpy.arange(6.0) if value is None else value, allow_pickle=True)  # type: ignore[arg-type]
    if calling is None:
        return target.getvalue()
    target = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    numpy.lib.format.write_array_header_1_0(target, header)
    return target.getvalue() + dumps(Call(named(calling), ("true",)))


def make_npz(members: Mapping[str, bytes]) -> bytes:
    """An .npz of these .npy files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()
