"""Data files as training examples: read, tokenise, truncate, pack, pad, in that order and without torch."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

IGNORED_LABEL = -100  # torch.nn.CrossEntropyLoss ignore_index, which transformers keeps for labels
_CSV_FIELD_LIMIT = 1 << 27  # bytes; the csv module's own 131,072 is shorter than some documents


class RowsError(ValueError):
    """Says in one sentence which row of the data cannot be used, and why."""


class Tokenizer(Protocol):
    """Names the part of a transformers tokenizer that rows need."""

    @property
    def eos_token_id(self) -> int | None:
        """The id appended by add_eos_token."""

    @property
    def chat_template(self) -> object:
        """None where the tokenizer declares no template."""

    def __call__(self, text: str) -> Mapping[str, Sequence[int]]:
        """Returns `input_ids` with the tokenizer's default special tokens."""

    def apply_chat_template(
        self, conversation: list[object], *, tokenize: bool, return_dict: bool
    ) -> Mapping[str, Sequence[int]]:
        """Returns `input_ids` of the rendered conversation, whose special tokens the template writes."""


@dataclass(frozen=True, slots=True)
class Example:
    """Holds one sequence for the model, and the span of data rows (both ends included) it came from."""

    ids: tuple[int, ...]
    first_row: int
    last_row: int


class Examples:
    """Serves examples to a Trainer and remembers, in order, the indices drawn since they were last taken."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = tuple(examples)
        self._drawn: list[int] = []

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        self._drawn.append(index)
        return {"input_ids": list(self.examples[index].ids)}

    def __iter__(self) -> Iterator[dict[str, list[int]]]:
        """Goes through all examples, as a sampler does that groups by length; none counts as drawn."""
        return ({"input_ids": list(item.ids)} for item in self.examples)

    def take_drawn(self, amount: int) -> list[int]:
        """Returns the last ``amount`` indices (the batch just fetched, one at a time) and forgets all."""
        drawn, self._drawn = self._drawn, []
        return drawn[-amount:]


def read_rows(path: Path, text_column: str) -> list[object]:
    """Returns the text (str) or messages (list) of each row in file order; raises RowsError or OSError."""
    rows = enumerate(_reader(path)(path))
    return [_value(row, text_column, f"{path.name}: row {number}") for number, row in rows]


def read_records(path: Path) -> list[Mapping[str, object]]:
    """Returns each row with all its columns in file order; raises RowsError or OSError."""
    found: list[Mapping[str, object]] = []
    for number, row in enumerate(_reader(path)(path)):
        if not isinstance(row, Mapping):
            raise RowsError(f"{path.name}: row {number} is not an object")
        found.append(row)
    return found


def first_row(path: Path) -> Mapping[str, object]:
    """Returns the first row with all its columns, empty where there is none; raises RowsError or OSError.

    A parquet file, which needs pandas to be read, gives an empty one too.
    """
    if path.suffix.lower() == ".parquet":
        return {}
    row = next(_reader(path)(path), {})
    return row if isinstance(row, Mapping) else {}


def _reader(path: Path) -> Callable[[Path], Iterator[object]]:
    reader = {".jsonl": _jsonl, ".ndjson": _jsonl, ".csv": _csv, ".parquet": _parquet}.get(
        path.suffix.lower()
    )
    if reader is None:
        raise RowsError(f"{path.name}: rows are read from .jsonl, .csv and .parquet files only")
    return reader


def order(count: int, shuffle_seed: int | None, used_rows: Sequence[int] | None = None) -> Sequence[int]:
    """Returns the rows' numbers in the order of `Dataset.shuffle(seed=shuffle_seed)`, as they are for None.

    ``used_rows`` (start, stop) keeps those places of the order; `Dataset.train_test_split` takes the last for training.
    Source: datasets 5.2.0, arrow_dataset.py: both call numpy.random.default_rng(seed).permutation(rows).
    """
    kept = slice(None) if used_rows is None else slice(*used_rows)
    if shuffle_seed is None:
        return range(count)[kept]
    from numpy.random import default_rng

    numbers: list[int] = default_rng(shuffle_seed).permutation(count).tolist()
    return numbers[kept]


def load_examples(
    path: Path,
    tokenizer: Tokenizer,
    *,
    text_column: str,
    add_eos_token: bool,
    max_length: int | None,
    block_size: int | None,
    packing: bool,
    shuffle_seed: int | None = None,
    used_rows: Sequence[int] | None = None,
    replaced: Mapping[int, str] | None = None,
) -> Examples:
    """Returns a data file as examples, in file order or shuffled; raises RowsError, also when there is none.

    ``replaced`` numbers rows as the file does, the examples number them as they were shuffled.
    """
    rows = read_rows(path, text_column)
    for number, text in (replaced or {}).items():
        if number < len(rows):
            rows[number] = text
    rows = [rows[number] for number in order(len(rows), shuffle_seed, used_rows)]
    encoded = encode(tokenizer, rows, add_eos_token=add_eos_token, max_length=max_length)
    examples = pack(encoded, block_size or max_length or 0) if packing else unpacked(encoded)
    if not examples:
        raise RowsError(f"{path.name}: {len(rows)} rows give no example to train on")
    return Examples(examples)


def encode(
    tokenizer: Tokenizer, rows: Sequence[object], *, add_eos_token: bool, max_length: int | None
) -> list[tuple[int, ...]]:
    """Returns each row's ids: eos is appended before the cut to `max_length`, so a long row loses it."""
    return [
        _encode_row(tokenizer, row, number, add_eos_token)[:max_length] for number, row in enumerate(rows)
    ]


def pack(encoded: Sequence[Sequence[int]], block_size: int) -> list[Example]:
    """Cuts the concatenated rows into blocks of exactly `block_size` ids and drops the tail."""
    flat = [token for ids in encoded for token in ids]
    owner = [number for number, ids in enumerate(encoded) for _ in ids]
    starts = range(0, len(flat) - block_size + 1, block_size)
    return [
        Example(tuple(flat[at : at + block_size]), owner[at], owner[at + block_size - 1]) for at in starts
    ]


def unpacked(encoded: Sequence[Sequence[int]]) -> list[Example]:
    """Returns one example a row, to be padded batch by batch; a row without ids gives none."""
    return [Example(tuple(ids), number, number) for number, ids in enumerate(encoded) if ids]


@dataclass(frozen=True, slots=True)
class Padding:
    """How a batch gets its width: its longest row, ``length`` where that is given, rounded up to ``multiple``."""

    length: int | None = None
    multiple: int | None = None
    left: bool = False

    def width(self, longest: int) -> int:
        """The width of a batch whose longest row has so many ids."""
        wanted = longest if self.length is None else self.length
        return wanted if not self.multiple else -(-wanted // self.multiple) * self.multiple

    def row(self, ids: Sequence[int], width: int, value: int) -> list[int]:
        """A row with ``value`` in the place of what it lacks."""
        gap = [value] * (width - len(ids))
        return [*gap, *ids] if self.left else [*ids, *gap]


_TIGHT = Padding()


def pad(batch: Sequence[Sequence[int]], pad_id: int, padding: Padding = _TIGHT) -> dict[str, list[list[int]]]:
    """Pads every row to the same width; labels are ignored where attention_mask is 0."""
    width = padding.width(max(len(ids) for ids in batch))
    return {
        "input_ids": [padding.row(ids, width, pad_id) for ids in batch],
        "attention_mask": [padding.row([1] * len(ids), width, 0) for ids in batch],
        "labels": [padding.row(ids, width, IGNORED_LABEL) for ids in batch],
    }


def _encode_row(tokenizer: Tokenizer, row: object, number: int, add_eos_token: bool) -> tuple[int, ...]:
    if isinstance(row, str):
        ids = tuple(tokenizer(row)["input_ids"])
    elif isinstance(row, list) and tokenizer.chat_template is not None:
        ids = tuple(tokenizer.apply_chat_template(row, tokenize=True, return_dict=True)["input_ids"])
    else:
        raise RowsError(f"row {number}: messages need a tokenizer that declares a chat template")
    if not add_eos_token:
        return ids
    if tokenizer.eos_token_id is None:
        raise RowsError("add_eos_token: the tokenizer has no eos token")
    return (*ids, tokenizer.eos_token_id)


def _value(row: object, text_column: str, where: str) -> object:
    if not isinstance(row, Mapping):
        raise RowsError(f"{where} is not an object")
    value = row[text_column] if text_column in row else row.get("messages")
    if not isinstance(value, str | list):
        raise RowsError(f"{where} has neither text in column {text_column!r} nor messages")
    return value


def _jsonl(path: Path) -> Iterator[object]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise RowsError(f"{path.name}: line {number} is not JSON") from error


def _csv(path: Path) -> Iterator[object]:
    csv.field_size_limit(_CSV_FIELD_LIMIT)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            yield from csv.DictReader(lines)
        except csv.Error as error:
            raise RowsError(f"{path.name} is not CSV: {error}") from error


def _parquet(path: Path) -> Iterator[object]:
    import pandas

    try:
        frame = pandas.read_parquet(path)
    except (ValueError, ImportError) as error:  # pyarrow.ArrowInvalid is a ValueError
        raise RowsError(f"{path.name} cannot be read as parquet: {error}") from error
    for row in frame.to_dict(orient="records"):
        yield {
            key: value.tolist() if type(value).__module__ == "numpy" else value for key, value in row.items()
        }
