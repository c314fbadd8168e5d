"""trainer_state.json: what the Trainer counted and logged, with its large numbers kept exact."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from auditor.artifacts._base import JSON_LIMIT, Artifact, read_json_object
from auditor.artifacts._fields import Fields, is_number
from auditor.errors import CannotRead
from auditor.model import Blob, Fact

Number = int | float

_ROW_RTOL = 1e-6
"""Trainer rounds losses to 4-16 digits and event files hold float32 (2**-24 = 6e-8); 1e-6 covers both."""
_LITERAL = re.compile(r'"total_flos"\s*:\s*(-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,4})?)')
_IGNORABLE = frozenset({"is_local_process_zero", "is_world_process_zero"})


@dataclass(frozen=True, slots=True)
class TrainerState(Artifact):
    """One trainer_state.json.

    ``total_flos`` is an exact int whenever the number is whole (``1.0138086088704e+16`` is
    10138086088704000); ``total_flos_text`` is its spelling in the file. ``row_texts`` are the rows of
    ``log_history`` as sorted JSON, to be compared instead of the rows because NaN is not equal to itself.
    ``control`` holds the flags of TrainerControl, ``callbacks`` the names of all stateful callbacks.
    """

    patterns: ClassVar[tuple[str, ...]] = ("trainer_state.json",)
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
    total_flos_text: str | None = None
    log_history: tuple[Mapping[str, object], ...] = ()
    row_texts: tuple[str, ...] = ()
    best_metric: Number | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    is_hyper_param_search: bool | None = None
    trial_name: str | None = None
    control: Mapping[str, bool] = field(default_factory=dict)
    callbacks: tuple[str, ...] = ()
    type_errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file of any Transformers release. Raises CannotRead."""
        data = blob.read(JSON_LIMIT)
        raw = read_json_object(replace(blob, content=lambda: io.BytesIO(data)))
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
            total_flos_text=_spelling(data, flos),
            log_history=rows,
            row_texts=_texts(rows),
            best_metric=read.number("best_metric"),
            best_global_step=read.integer("best_global_step"),
            best_model_checkpoint=read.text("best_model_checkpoint"),
            is_hyper_param_search=read.boolean("is_hyper_param_search"),
            trial_name=read.text("trial_name"),
            control=_control(read),
            callbacks=tuple(read.mapping("stateful_callbacks")),
            type_errors=tuple(dict.fromkeys(read.errors)),
        )

    def logged(self, tag: str) -> tuple[tuple[int, float], ...]:
        """The numbers logged under a key (``loss``, ``eval_loss``, ...) as (step, value), in file order."""
        return tuple(_points(self.log_history, tag))

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


def _points(rows: tuple[Mapping[str, object], ...], tag: str) -> Iterator[tuple[int, float]]:
    for row in rows:
        step, value = row.get("step"), row.get(tag)
        if isinstance(step, int) and not isinstance(step, bool) and is_number(value):
            yield step, float(value)


def _is_timing(key: str) -> bool:
    return key.endswith(("_runtime", "_per_second"))


def _whole(value: Number | None) -> Number | None:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _spelling(data: bytes, value: Number | None) -> str | None:
    """The literal of the top-level total_flos; rows of log_history may hold the key too, so values decide."""
    if value is None:
        return None
    found = _LITERAL.findall(data.decode("utf-8-sig"))
    return next((text for text in found if json.loads(text) == value), None)


def _rows(read: Fields) -> tuple[Mapping[str, object], ...]:
    value = read.raw.get("log_history")
    if value is None:
        return ()
    rows = tuple(row for row in value if isinstance(row, dict)) if isinstance(value, list) else ()
    if not isinstance(value, list) or len(rows) != len(value):
        read.wrong("log_history", "an array of objects")
    return rows


def _texts(rows: tuple[Mapping[str, object], ...]) -> tuple[str, ...]:
    try:
        return tuple(json.dumps(row, sort_keys=True, separators=(",", ":")) for row in rows)
    except RecursionError as error:
        raise CannotRead("holds a log_history that is nested too deeply") from error


def _control(read: Fields) -> Mapping[str, bool]:
    callbacks = read.mapping("stateful_callbacks")
    control = Fields(callbacks, "/stateful_callbacks").mapping("TrainerControl")
    flags = Fields(control).mapping("args")
    return {name: flag for name, flag in flags.items() if isinstance(flag, bool)}
