"""Words, order and hints that renderers share."""

import sys
from dataclasses import replace

import pytest

from auditor.model import Claim, FileChange, NotApplicable, Ref, Statement, Status, Unread
from auditor.report import _text as text
from auditor.report import _view as view
from auditor.report._ledger_table import ledger_table
from auditor.report._reasons import Reason, kinds_of_reasons, reasons, unread_groups
from tests.builders import reports


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (262_341_120, "262 MB"),
        (5 * 10**13, "50.0 TB"),
    ],
)
def test_sizes(size: int | None, words: str) -> None:
    assert text.size_text(size) == words


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("a\x1b[0m", "a\\x1b[0m"), ("\u202e", "\\u202e"), ("\ud800", "\\ud800"), ("é\t", "é\\t"), ("漢", "漢")],
)
def test_hidden_characters_are_shown(raw: str, shown: str) -> None:
    assert text.visible(raw) == shown


def test_no_hidden_character_counts_as_printable() -> None:
    """`visible` returns printable text as it is."""
    hidden = (chr(code) for code in range(sys.maxunicode + 1) if text._is_hidden(chr(code)))
    assert not any(char.isprintable() for char in hidden)


def test_wide_characters_count_twice() -> None:
    assert text.width_of("漢字e\u0301") == 5
    assert text.pad("漢", 4) == "漢  "


def test_the_middle_is_cut_and_both_ends_stay() -> None:
    short = text.shorten_middle("checkpoint-90/adapter_model.safetensors", 20)
    assert len(short) == 20
    assert short.startswith("checkp")
    assert short.endswith(".safetensors")


@pytest.mark.parametrize(
    ("path", "role", "name"),
    [
        ("checkpoint-90/training_args.bin", "effective", "args"),
        ("runs/x/events.out.tfevents.17.host", "recorded", "events"),
        ("any-config.json", "declared", "declared"),
        ("model_index.json", "recorded", "model_index"),
    ],
)
def test_sources_have_short_names(path: str, role: str, name: str) -> None:
    assert view.source_name(path, role) == name


def test_equal_values_share_a_place_and_proof_stands_beside() -> None:
    claims = {claim.key: claim for claim in reports.claims()}
    assert view.values_by_source(claims["r"]) == "16 (declared, adapter) ≠ 8 (evidence)"
    assert view.values_by_source(claims["learning_rate"]) == "3e-05 (declared, state)"
    assert view.values_by_source(claims["transformers_version"]) == "4.50.0 to 4.51.3 (evidence)"


def test_hints_come_from_what_was_missing() -> None:
    assert view.hints(replace(reports.healthy(), not_applicable=())) == []
    found = " ".join(view.hints(reports.incomplete()))
    assert "--lfs-store DIR" in found
    assert "--rerun --base DIR --data PATH" in found
    assert "--base DIR names" not in found


def test_reasons_are_grouped_by_how_many_rules_they_stop() -> None:
    items = [
        NotApplicable("b", "x"),
        NotApplicable("a", "y"),
        NotApplicable("c", "x"),
        NotApplicable("c", "x", "d"),
    ]
    assert reasons(items) == [Reason("x", ("b", "c")), Reason("y", ("a",))]


def test_the_command_repeats_the_audit_without_this_machine() -> None:
    report = replace(reports.rich(), head=Ref("a b;c", None), fail_on="warning")
    assert view.command(report) == (
        "audit compare main 'a b;c' --rerun --base BASE_MODEL_DIR --data DATA_PATH --fail-on warning"
    )
    assert view.command(reports.healthy()) == "audit check candidate"


def test_changed_files_come_with_the_telling_ones_first() -> None:
    report = reports.rich()
    assert report.diff is not None
    assert view.changed(report.diff.files)[0].path == "adapter_config.json"
    assert view.change_note(FileChange("x", "modified", "lfs oid")) == "the lfs oid differs"
    assert view.change_note(FileChange("x", "added", "none")) == ""


def test_the_ledger_has_a_column_a_source_and_marks_what_is_disproved() -> None:
    table = ledger_table(reports.rich().runs[0], 12)
    assert [role for _, role in table.columns] == [
        "declared",
        "effective",
        "recorded",
        "recorded",
        "described",
    ]
    rows = {row.claim.key: row.cells for row in table.rows}
    assert [said.odd for cell in rows["r"] for said in cell] == [True, True]
    assert [said.odd for cell in rows["gradient_accumulation_steps"] for said in cell] == [True, False]


def test_copies_of_a_file_say_a_thing_once() -> None:
    said = tuple(
        Statement(f"checkpoint-{n}/trainer_state.json", "/x", n // 10, "recorded", "x") for n in (1, 2, 30)
    )
    run = replace(reports.healthy().runs[0], claims=(Claim("x", said, (), Status.STATED),))
    (row,) = ledger_table(run, 12).rows
    assert [(item.value, item.at) for item in row.cells[0]] == [
        ("0", "checkpoint-1/trainer_state.json#/x"),
        ("3", "checkpoint-30/trainer_state.json#/x"),
    ]


def test_many_files_that_came_are_one_line_of_folders() -> None:
    added = [FileChange(f"checkpoint-9/{n}.json", "added", "none") for n in range(9)]
    single, many = view.folded(
        [FileChange("a", "modified", "bytes"), *added, FileChange("z", "removed", "none")]
    )
    assert [change.path for change in single] == ["a", "z"]
    assert [(kind, len(group)) for kind, group in many] == [("added", 9)]
    assert view.folders([*added, FileChange("README.md", "added", "none")]) == [
        "README.md",
        "checkpoint-9/ (9)",
    ]


def test_sizes_do_not_keep_unread_files_apart() -> None:
    unread = [
        Unread(path, f"its content ({size} bytes) is not here", "unfetched")
        for path, size in (("b", 1), ("a", 2))
    ]
    assert unread_groups(unread) == [("unfetched", "their content is not here", ("a", "b"))]


def test_reasons_are_told_by_what_would_help_and_each_check_once() -> None:
    items = [
        NotApplicable("a", "weights.bin was not read: unfetched (and 2 more)"),
        NotApplicable("a", "no README.md is in the repository"),
        NotApplicable("b", "the base model's configuration is not known (give --base DIR)"),
        NotApplicable("c", "crashed: ValueError: broken"),
        NotApplicable("d", "no README.md is in the repository"),
    ]
    assert kinds_of_reasons(items) == [
        "c crashed: ValueError: broken",
        "files could not be read: 1 check (a)",
        "the base model's folder was not given (--base DIR): 1 check (b)",
        "nothing to judge (no such file, setting or second copy): 1 check (d)",
    ]
