"""Packing, truncation and padding, each expectation written out by hand."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.rerun.child.rows import (
    Example,
    Examples,
    Padding,
    RowsError,
    encode,
    load_examples,
    pack,
    pad,
    read_rows,
    unpacked,
)
from auditor.rerun.child.steplog import ids_digest

BOS, EOS, PAD = 2, 1, 0


class Letters:
    """Stands in for a tokenizer: bos, then 10 for a, 11 for b and so on."""

    eos_token_id: int | None = EOS

    def __init__(self, chat_template: str | None = None) -> None:
        self.chat_template = chat_template

    def __call__(self, text: str) -> Mapping[str, Sequence[int]]:
        return {"input_ids": [BOS, *(ord(letter) - ord("a") + 10 for letter in text)]}

    def apply_chat_template(
        self, conversation: list[object], *, tokenize: bool, return_dict: bool
    ) -> Mapping[str, Sequence[int]]:
        assert tokenize
        assert return_dict
        return {"input_ids": [90, len(conversation), 91]}


def test_eos_is_appended_before_the_cut_so_a_long_row_loses_it() -> None:
    # "abc" is bos a b c: with eos 5 ids, cut to 4. "a" is bos a eos: 3 ids, kept whole.
    encoded = encode(Letters(), ["abc", "a"], add_eos_token=True, max_length=4)
    assert encoded == [(2, 10, 11, 12), (2, 10, 1)]


def test_without_eos_and_without_a_length_rows_stay_as_tokenised() -> None:
    assert encode(Letters(), ["abc"], add_eos_token=False, max_length=None) == [(2, 10, 11, 12)]


def test_packing_joins_rows_in_order_and_drops_the_tail() -> None:
    # 2 10 11 12 | 2 10 1 | 2 13 1 in blocks of 4: the last two ids are the tail.
    blocks = pack([(2, 10, 11, 12), (2, 10, 1), (2, 13, 1)], block_size=4)
    assert blocks == [Example((2, 10, 11, 12), 0, 0), Example((2, 10, 1, 2), 1, 2)]


def test_a_block_that_ends_with_its_row_does_not_reach_into_the_next_one() -> None:
    assert pack([(5, 6), (7, 8)], block_size=2) == [Example((5, 6), 0, 0), Example((7, 8), 1, 1)]


@given(st.lists(st.lists(st.integers(0, 99), max_size=9), max_size=9), st.integers(1, 12))
def test_packing_keeps_every_id_but_a_tail_shorter_than_a_block(rows: list[list[int]], size: int) -> None:
    flat = [token for row in rows for token in row]
    packed = [token for block in pack(rows, size) for token in block.ids]
    assert packed == flat[: len(flat) // size * size]


def test_unpacked_rows_keep_their_numbers_and_empty_ones_are_left_out() -> None:
    assert unpacked([(5, 6), (), (7,)]) == [Example((5, 6), 0, 0), Example((7,), 2, 2)]


def test_padding_reaches_the_longest_row_on_the_right_and_masks_it_from_the_loss() -> None:
    assert pad([[5, 6, 7], [8]], PAD) == {
        "input_ids": [[5, 6, 7], [8, 0, 0]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "labels": [[5, 6, 7], [8, -100, -100]],
    }


def test_padding_to_a_length_pads_the_longest_row_too() -> None:
    assert pad([[5]], PAD, Padding(length=3))["input_ids"] == [[5, 0, 0]]


def test_padding_goes_up_to_a_multiple_and_to_either_side() -> None:
    assert pad([[5, 6, 7], [8]], PAD, Padding(multiple=2, left=True)) == {
        "input_ids": [[0, 5, 6, 7], [0, 0, 0, 8]],
        "attention_mask": [[0, 1, 1, 1], [0, 0, 0, 1]],
        "labels": [[-100, 5, 6, 7], [-100, -100, -100, 8]],
    }
    assert [Padding(multiple=8).width(longest) for longest in (1, 8, 9)] == [8, 8, 16]
    assert Padding(length=12, multiple=8).width(3) == 16


def test_a_pad_token_inside_a_row_is_trained_on() -> None:
    assert pad([[5, PAD]], PAD)["labels"] == [[5, 0]]


def test_drawn_indices_are_handed_over_once_and_in_order() -> None:
    examples = Examples([Example((5,), 0, 0), Example((6,), 1, 1)])
    assert [examples[1], examples[0]] == [{"input_ids": [6]}, {"input_ids": [5]}]
    assert examples.take_drawn(2) == [1, 0]
    assert examples.take_drawn(2) == []
    # A sampler by length looks at the first example and goes through all of them before it draws any.
    assert (examples[0], [len(item["input_ids"]) for item in examples]) == ({"input_ids": [5]}, [1, 1])
    assert examples[1] == {"input_ids": [6]}
    assert examples.take_drawn(1) == [1]


def test_the_batch_digest_is_of_little_endian_int64() -> None:
    expected = hashlib.sha256(b"\x02" + b"\0" * 7 + b"\x00\x01" + b"\0" * 6).hexdigest()
    assert ids_digest([[[2]], [[256]]]) == expected


def test_jsonl_rows_come_in_file_order_without_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "b"}\n\n{"text": "a", "other": 1}\n', encoding="utf-8")
    assert read_rows(path, "text") == ["b", "a"]


def test_csv_keeps_line_breaks_inside_a_field(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "body"], ["1", "a\nb"], ["2", "c"]])
    assert read_rows(path, "body") == ["a\nb", "c"]


def test_parquet_gives_text_and_messages(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    talk = [{"role": "user", "content": "a"}]
    path = tmp_path / "rows.parquet"
    pandas.DataFrame({"messages": [talk, talk * 2]}).to_parquet(path)
    assert read_rows(path, "text") == [talk, talk * 2]
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(RowsError, match="cannot be read as parquet"):
        read_rows(path, "text")


def test_messages_go_through_the_chat_template(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "user", "content": "a"}] * 2}), encoding="utf-8")
    rows = read_rows(path, "text")
    assert encode(Letters("declared"), rows, add_eos_token=True, max_length=None) == [(90, 2, 91, EOS)]
    with pytest.raises(RowsError, match="chat template"):
        encode(Letters(), rows, add_eos_token=False, max_length=None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.txt", "a", "only"),
        ("rows.jsonl", "{", "line 1 is not JSON"),
        ("rows.jsonl", '["text"]', "row 0 is not an object"),
        ("rows.jsonl", '{"text": 3}', "row 0 has neither text"),
        ("rows.csv", "body\na\n", "row 0 has neither text"),
    ],
)
def test_an_unusable_row_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RowsError, match=said):
        read_rows(path, "text")


def test_a_missing_eos_token_is_an_error() -> None:
    tokenizer = Letters()
    tokenizer.eos_token_id = None
    with pytest.raises(RowsError, match="no eos token"):
        encode(tokenizer, ["a"], add_eos_token=True, max_length=None)


def test_data_too_short_for_one_block_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "ab"}\n', encoding="utf-8")
    recipe = {"text_column": "text", "add_eos_token": False, "max_length": None}
    whole = load_examples(path, Letters(), block_size=3, packing=True, **recipe)  # type: ignore[arg-type]
    assert whole.examples == (Example((2, 10, 11), 0, 0),)
    with pytest.raises(RowsError, match="1 rows give no example"):
        load_examples(path, Letters(), block_size=4, packing=True, **recipe)  # type: ignore[arg-type]
