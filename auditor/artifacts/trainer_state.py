"""trainer_state.json: what the Trainer counted and logged, with its large numbers kept exact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar, Self

from auditor.artifacts._base import JSON_LIMIT, Artifact, parse_json_object
from auditor.artifacts._fields import Fields, is_number
from auditor.model import Blob, Fact, name_of

Number = int | float

_ROW_RTOL = 1e-6
"""Trainer rounds losses to 4-16 digits and event files hold float32 (2**-24 = 6e-8); 1e-6 covers both."""
_IGNORABLE = frozenset({"is_local_process_zero", "is_world_process_zero"})


@dataclass(frozen=True, slots=True)
class TrainerState(Artifact):
    """One trainer_state.json.

    ``total_flos`` is an exact int whenever the number is whole (``1.0138086088704e+16`` is
    10138086088704000). ``control`` holds the flags of TrainerControl, ``callbacks`` the names of all stateful
    callbacks. What is asked of the rows again and again (`logged`, `row_keys`, `begins_with`) is worked out once.
    """

    patterns: ClassVar[tuple[str, ...]] = ("trainer_state.json",)
    path: str
    raw: Mapping[str, object]
    keys: frozenset[str]
    global_step: int | None = None
    max_steps: int | None = None
    epoch: Number | None = None
    num_train_epochs: Number | None = None
    logging_steps: Number | None = None
    save_steps: Number | None = None
    eval_steps: Number | None = None
    train_batch_size: int | None = None
    num_input_tokens_seen: int | None = None
    total_flos: Number | None = None
    log_history: tuple[Mapping[str, object], ...] = ()
    best_metric: Number | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    is_hyper_param_search: bool | None = None
    trial_name: str | None = None
    control: Mapping[str, bool] = field(default_factory=dict)
    callbacks: tuple[str, ...] = ()
    type_errors: tuple[tuple[str, str], ...] = ()
    _known: dict[str, object] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file of any Transformers release. Raises CannotRead."""
        raw = parse_json_object(blob.read(JSON_LIMIT))
        read = Fields(raw)
        flos = read.number("total_flos")
        rows = _rows(read)
        return cls(
            path=blob.path,
            raw=raw,
            keys=frozenset(raw),
            global_step=read.integer("global_step"),
            max_steps=read.integer("max_steps"),
            epoch=read.number("epoch"),
            num_train_epochs=read.number("num_train_epochs"),
            logging_steps=read.number("logging_steps"),
            save_steps=read.number("save_steps"),
            eval_steps=read.number("eval_steps"),
            train_batch_size=read.integer("train_batch_size"),
            num_input_tokens_seen=read.integer("num_input_tokens_seen"),
            total_flos=_whole(flos),
            log_history=rows,
            best_metric=read.number("best_metric"),
            best_global_step=read.integer("best_global_step"),
            best_model_checkpoint=read.text("best_model_checkpoint"),
            is_hyper_param_search=read.boolean("is_hyper_param_search"),
            trial_name=read.text("trial_name"),
            control=_control(read),
            callbacks=tuple(read.mapping("stateful_callbacks")),
            type_errors=tuple(dict.fromkeys(read.errors)),
        )

    @property
    def best_checkpoint(self) -> str | None:
        """The folder's name in ``best_model_checkpoint``: a path of the machine that trained, of either system."""
        return name_of((self.best_model_checkpoint or "").replace("\\", "/").rstrip("/")) or None

    def logged(self, tag: str) -> tuple[tuple[int, float], ...]:
        """The numbers logged under a key (``loss``, ``eval_loss``, ...) as (step, value), in file order."""
        name = f"logged {tag}"
        if name not in self._known:
            found = tag in self.row_keys
            self._known[name] = _points(self.column("step"), self.column(tag)) if found else ()
        return self._known[name]  # type: ignore[return-value]

    def column(self, key: str) -> list[object]:
        """What each row of log_history has under a key, None where it has nothing."""
        name = f"column {key}"
        if name not in self._known:
            self._known[name] = [row.get(key) for row in self.log_history]
        return self._known[name]  # type: ignore[return-value]

    @property
    def row_keys(self) -> frozenset[str]:
        """All keys of the rows of log_history."""
        if "keys" not in self._known:
            self._known["keys"] = frozenset(chain.from_iterable(self.log_history))
        return self._known["keys"]  # type: ignore[return-value]

    def begins_with(self, earlier: "TrainerState") -> bool:
        """Whether the rows of an earlier state come first in this one, value by value; NaN is the same row again."""
        return self.first_difference(earlier) is None

    def first_difference(self, earlier: "TrainerState") -> int | None:
        """The first row of an earlier state, counted from 0, that is not in its place here; None when all are."""
        known: dict[int, tuple[TrainerState, int | None]]
        known = self._known.setdefault("differences", {})  # type: ignore[assignment]
        if id(earlier) not in known:  # the state is kept too, so that its id stays its own
            known[id(earlier)] = earlier, _first_difference(earlier.log_history, self.log_history)
        return known[id(earlier)][1]

    def row_hashes(self) -> frozenset[int]:
        """What the rows are known by, whatever their order: equal rows have equal ones."""
        if "hashes" not in self._known:
            self._known["hashes"] = frozenset(map(hash_of, self.log_history))
        return self._known["hashes"]  # type: ignore[return-value]

    def facts(self) -> Mapping[str, Fact]:
        """The file's scalars, and each logged number as ``loss@step`` (the last of a step)."""
        found = {
            key: Fact(value, ignorable=key in _IGNORABLE)
            for key, value in self.raw.items()
            if not isinstance(value, list | dict)
        }
        for row in self.log_history:
            step = row.get("step")
            if not is_number(step):
                continue
            for key, value in row.items():
                if is_number(value) and key != "step":
                    found[f"{key}@{step}"] = Fact(value, rtol=_ROW_RTOL, ignorable=_is_timing(key))
        return {**found, **{f"control.{flag}": Fact(value) for flag, value in self.control.items()}}


def _first_difference(
    earlier: tuple[Mapping[str, object], ...], later: tuple[Mapping[str, object], ...]
) -> int | None:
    # NaN is one object however often `json` reads it, and containers take what is the same object for equal.
    try:
        if later[: len(earlier)] == earlier:
            return None
        pairs = zip(earlier, later, strict=False)
        return next((at for at, (one, other) in enumerate(pairs) if one != other), len(later))
    except RecursionError:  # rows nested as deep as `json` reads: no Trainer's
        return 0


def hash_of(row: Mapping[str, object]) -> int:
    """A number that equal rows share and others practically never do.

    NaN hashes by identity (Python 3.10) and is one object however often `json` reads it.
    """
    try:
        return hash(frozenset(row.items()))
    except TypeError:  # a value is a list or an object
        pass
    try:
        return hash(json.dumps(row, sort_keys=True))
    except RecursionError:
        return 0


def _points(steps: list[object], values: list[object]) -> tuple[tuple[int, float], ...]:
    """Step and number where there are both; quick when all numbers are floats, as they are in nearly every log."""
    if set(map(type, steps)) == {int} and set(map(type, values)) <= {float, type(None)}:
        pairs = zip(steps, values, strict=True)
        return tuple([pair for pair in pairs if pair[1] is not None])  # type: ignore[misc]
    return tuple(
        (step, float(value))
        for step, value in zip(steps, values, strict=True)
        if isinstance(step, int) and not isinstance(step, bool) and is_number(value)
    )


def _is_timing(key: str) -> bool:
    return key.endswith(("_runtime", "_per_second"))


def _whole(value: Number | None) -> Number | None:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _rows(read: Fields) -> tuple[Mapping[str, object], ...]:
    value = read.raw.get("log_history")
    if value is None:
        return ()
    if isinstance(value, list) and set(map(type, value)) == {dict}:
        return tuple(value)
    rows = tuple(row for row in value if isinstance(row, dict)) if isinstance(value, list) else ()
    if not isinstance(value, list) or len(rows) != len(value):
        read.wrong("log_history", "an array of objects")
    return rows


def _control(read: Fields) -> Mapping[str, bool]:
    callbacks = read.mapping("stateful_callbacks")
    control = Fields(callbacks, "/stateful_callbacks").mapping("TrainerControl")
    flags = Fields(control).mapping("args")
    return {name: flag for name, flag in flags.items() if isinstance(flag, bool)}
