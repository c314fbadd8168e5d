"""Names of data libraries in pickles that are no training files: a stored DataFrame, a label encoder, a forest.

Source: what pandas 1.5 to 2.2, scikit-learn 1.0 to 1.5 and scipy 1.10 write (pandas/core/indexes/base.py `_new_Index`,
pandas/_libs/internals.pyx `_unpickle_block`, sklearn/tree/_tree.pyx `__reduce__`, Cython's `__pyx_unpickle_*`): they
rebuild values from values. Modules of these libraries that open files or run code are left out.
"""

from auditor.artifacts._pickle_values import GlobalRef

_MODULES = (
    r"pandas\Z|(pandas\.(core|_libs|arrays)|sklearn|scipy\.sparse|numpy\.(random|core|_core|ma)|pyarrow\.lib)"
    r"(\.[A-Za-z_]\w*)*\Z"
)
_BARRED = r"\b(io|datasets|testing|_testing|test|tests|externals|conftest|eval|computation|computing)\b"
"""pandas.core.computation evaluates expressions; the others read or write files."""
_CLASS = r"_?[A-Z]\w*\Z"
_REBUILDERS = (
    r"(_new_(Index|DatetimeIndex|PeriodIndex|IntervalIndex)|_unpickle_block|_new_ndarray_backed|__pyx_unpickle_\w+|"
    r"_unpickle_\w+|__(randomstate|bit_generator|generator)_ctor|_nat_unpickle|_from_ordinal|_timestamp_unpickle|"
    r"_offset_unpickle|_period_unpickle|_mareconstruct|type_for_alias|_restore_array|py_buffer|chunked_array|_reconstruct_\w+)\Z"
)
_CALLED_CLASSES = r"(Tree|\w*Loss\w*|Timestamp|Timedelta|Interval|\w*Dtype|BlockPlacement|\w*BlockManager)\Z"


def is_data_name(name: GlobalRef) -> bool:
    """Whether a name is a class or a rebuilding function of a data library."""
    import re

    if not re.match(_MODULES, name.module) or re.search(_BARRED, name.module):
        return False
    return bool(re.match(_CLASS, name.name) or re.match(_REBUILDERS, name.name))


def is_data_call(name: GlobalRef, arguments: tuple[object, ...]) -> bool:
    """Whether a call rebuilds a value of a data library from values and from classes of data libraries alone."""
    import re

    if not is_data_name(name):
        return False
    offset = name.module == "pandas._libs.tslibs.offsets"
    if not (offset or re.match(_REBUILDERS, name.name) or re.match(_CALLED_CLASSES, name.name)):
        return False
    return (
        all(is_data_name(item) for item in arguments[:100] if isinstance(item, GlobalRef))
        and len(arguments) <= 100
    )
