"""Logs of one run: a checkpoint's rows are the first of a later one's, and are kept once.

A hundred checkpoints would hold each row fifty times on average. Only rows that are equal to the last bit, type and
order of keys are taken for one (1, 1.0 and true are equal in Python and are no equal entries of a file).
"""

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import folder_of, name_of
from auditor.runs._words import LAST, step_of

_BLOCK = 256
"""Rows compared at a time, so that a log of any length takes little memory more."""


class SharedRows:
    """The longest log of each run so far; a run's checkpoints lie in one folder."""

    def __init__(self) -> None:
        self._longest: dict[str, TrainerState] = {}

    def of(self, state: TrainerState) -> TrainerState:
        """An equal state, which shares its first rows with the longest log of its run as far as they agree."""
        folder = folder_of(state.path)
        own = step_of(folder) is None and name_of(folder) != LAST
        place = folder if own else folder_of(folder)
        longest = self._longest.get(place)
        if longest is not None:
            state = _sharing(state, longest.log_history)
        if longest is None or len(longest.log_history) < len(state.log_history):
            self._longest[place] = state
        return state


def _sharing(state: TrainerState, known: tuple[Mapping[str, object], ...]) -> TrainerState:
    rows, held = state.log_history, state.raw.get("log_history")
    same = _same_rows(rows, known)
    if not same or not isinstance(held, list) or len(held) != len(rows):
        return state
    shared = (*known[:same], *rows[same:])
    return replace(state, raw={**state.raw, "log_history": [*shared]}, log_history=shared)


def _same_rows(rows: Sequence[object], known: Sequence[object]) -> int:
    """How many first rows are the same in both, in whole blocks."""
    most = min(len(rows), len(known))
    for begin in range(0, most, _BLOCK):
        end = min(begin + _BLOCK, most)
        try:
            if _spelled(rows[begin:end]) != _spelled(known[begin:end]):
                return begin
        except RecursionError:  # rows nested as deep as `json` reads: no Trainer's
            return begin
    return most


def _spelled(rows: Sequence[object]) -> bytes:
    """Bytes that differ wherever values do: written without a memo, which would tell which of them are one object."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL)
    pickler.fast = True
    pickler.dump(rows)
    return stream.getvalue()
