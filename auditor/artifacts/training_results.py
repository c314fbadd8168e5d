"""train_results.json, all_results.json and those of other splits: the metrics that `save_metrics` wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import is_number
from auditor.errors import CannotRead
from auditor.model import Blob, Fact, name_of

SIZE_LIMIT = 1024 * 1024
"""Largest file read, in bytes; real ones have less than 2 KB."""

_OF_TRAINING = ("train_results.json", "eval_results.json", "all_results.json")
_OF_ANYBODY = ("test_results.json", "predict_results.json")


@dataclass(frozen=True, slots=True)
class TrainingResults(Artifact):
    """One file of metrics; ``values`` are its numbers by key (``train_loss``, ``total_flos``, ``epoch``, ...).

    Other values, which a script may add, are left out. Scripts have results of their own under the names of tests and
    predictions, in any form: such a file has no values.
    """

    patterns: ClassVar[tuple[str, ...]] = (*_OF_TRAINING, *_OF_ANYBODY)
    path: str
    values: Mapping[str, int | float]

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file. Raises CannotRead."""
        try:
            raw = read_json_object(blob, SIZE_LIMIT)
        except CannotRead as error:
            if error.state != "unreadable" or name_of(blob.path) not in _OF_ANYBODY:
                raise
            raw = {}
        return cls(blob.path, {key: value for key, value in raw.items() if is_number(value)})

    def facts(self) -> Mapping[str, Fact]:
        """Every number; times do not count as differences."""
        return {key: Fact(value, rtol=1e-6, ignorable=_is_timing(key)) for key, value in self.values.items()}


def _is_timing(key: str) -> bool:
    return key.endswith(("_runtime", "_per_second"))
