"""The corpus run: unpacking is safe, the tree's missing files are unfetched, and the table is what judges."""

import io
import tarfile
from pathlib import Path

import pytest

from auditor.engine._rules import rules
from auditor.errors import CannotRead
from auditor.model import FileKind, Finding, Location, Severity
from benchmarks import corpus

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"


def archive(path: Path, members: dict[str, bytes], link: str | None = None) -> Path:
    with tarfile.open(path, "w:xz") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member)
    return path


def seen(rule: str, path: str, severity: Severity = Severity.WARNING) -> corpus.Seen:
    return corpus.Seen("owner/name", Finding(rule, severity, "words", Location(path)), ("folder",))


def row(rule: str, place: str, expect: str, of: str = "") -> corpus.Row:
    return corpus.Row("owner/*", place, rule, expect, of, "why")


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads out of the archive"):
        corpus.unpack(archive(tmp_path / "a.tar.xz", {name: b"x"}), tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_links_are_not_unpacked(tmp_path: Path) -> None:
    corpus.unpack(archive(tmp_path / "a.tar.xz", {"r/a": b"x"}, link="r/link"), tmp_path / "in")
    assert [path.name for path in (tmp_path / "in" / "r").iterdir()] == ["a"]


def test_an_archive_of_great_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "UNPACKED_LIMIT", 3)
    with pytest.raises(ValueError, match="unpacks to more than 3 bytes"):
        corpus.unpack(archive(tmp_path / "a.tar.xz", {"r/a": b"12", "r/b": b"34"}), tmp_path / "in")


def test_the_commit_knows_what_the_archive_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "owner__name"
    folder.mkdir()
    (folder / "here.json").write_bytes(b"{}")
    (folder / "pointer.bin").write_bytes(POINTER)
    lines = (
        "# repo\tgithub.com/owner/name",
        "100644\t" + "1" * 40 + "\t2\there.json\tkept",
        "100644\t" + "2" * 40 + "\t130\tpointer.bin\tkept",
        "100644\t" + "3" * 40 + "\t5000000\tlarge.bin\tleft_out:too_big",
        "100644\t" + "4" * 40 + "\t130\tsmall.bin\tleft_out:sampled",
        "120000\t" + "5" * 40 + "\t9\tlatest\tleft_out:symlink",
    )
    (folder / corpus.TREE).write_text("\n".join(lines) + "\n")
    assert set(corpus.as_folder(folder).files) == {"here.json", "pointer.bin"}
    files = corpus.as_commit(folder).files
    assert str(files["here.json"].object_id) == "git-sha1:" + "1" * 40
    assert files["pointer.bin"].lfs is not None
    assert files["large.bin"].size == 5_000_000
    assert files["large.bin"].absent is not None
    with pytest.raises(CannotRead, match="too_big"):
        files["large.bin"].read()
    # It may be a pointer, so that its size is not known; equal ids are equal files all the same.
    assert (files["small.bin"].size, str(files["small.bin"].object_id)) == (None, "git-sha1:" + "4" * 40)
    assert files["latest"].kind is FileKind.SYMLINK


def test_what_no_row_calls_right_is_false() -> None:
    found = [seen("one", "a"), seen("two", "a"), seen("three", "a", Severity.NOTE)]
    judgement = corpus.judge(found, [row("one", "a", "right")])
    assert [item.finding.rule for item in judgement.false] == ["two"]
    assert judgement.false_warnings == 0.5
    assert not judgement.holds
    assert corpus.judge(found, [row("one", "a", "right"), row("two", "*", "found", "1")]).holds


def test_an_error_is_never_within_the_rate() -> None:
    right = [seen("one", str(number)) for number in range(999)]
    judgement = corpus.judge([*right, seen("two", "a", Severity.ERROR)], [row("one", "*", "right")])
    assert judgement.false_errors == 1
    assert not judgement.holds


def test_what_was_expected_and_is_not_there_is_lost() -> None:
    judgement = corpus.judge([], [row("one", "a", "found", "7")])
    assert [item.of for item in judgement.lost] == ["7"]
    assert not judgement.holds


def test_a_look_alike_has_to_be_left_alone() -> None:
    note = seen("one", "a", Severity.NOTE)
    assert not corpus.judge([note], [row("one", "*", "silent", "3")]).holds
    assert corpus.judge([note], [row("*", "*", "silent", "3")]).holds
    assert not corpus.judge([seen("one", "a")], [row("*", "*", "silent", "3")]).holds


def test_the_table_can_be_read_and_names_existing_rules() -> None:
    rows = corpus.read_table()
    named = {row.rule for row in rows if not set(row.rule) & set("*?[-") or row.rule in rules()}
    assert named <= set(rules())
    numbers = {int(row.of) for row in rows if row.expect == "found"}
    outside = {int(row.of) for row in rows if row.expect == "outside" and row.rule != "untrained-layers"}
    assert numbers | outside == set(range(1, 22))
    alike = {
        int(row.of)
        for row in rows
        if row.of and (row.expect == "silent" or row.why.startswith("a one-token"))
    }
    assert alike == set(range(1, 30))


def test_no_archive_is_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus.main([str(tmp_path / "none.tar.xz")]) == 2
    out = capsys.readouterr().out
    assert out.startswith("no corpus: ")
    assert out.count("\n") == 1


def test_the_rates_hold_on_the_archive_of_real_repositories(real_repositories: Path) -> None:
    done = corpus.audit_all(real_repositories, "*")
    judged = corpus.judge(done.seen, corpus.read_table(), done.repositories)
    assert done.crashed == []
    assert judged.holds, (judged.false, judged.lost, judged.noisy)
