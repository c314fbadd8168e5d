"""The promises of the command line: exit codes, one sentence and one hint, stdout for the report alone."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from auditor import policy
from auditor.cli._help import EXAMPLES
from auditor.sources.directory import memory_snapshot
from tests.builders import repos
from tests.builders.command import SEED, TINY, audit

Capture = pytest.CaptureFixture[str]


def test_an_honest_repository_exits_0_and_keeps_stderr_empty(capsys: Capture) -> None:
    done = audit(capsys, *TINY)
    assert (done.code, done.err) == (0, "")
    assert "PASS" in done.out


def test_the_real_case_exits_1(capsys: Capture) -> None:
    done = audit(capsys, *SEED)
    assert done.code == 1
    assert "FAIL" in done.out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ("compare", "main", "nope", "--repo", "fixtures/seed/repo.bundle"),
            "audit: 'nope' is not a branch, tag or commit of the repository seed",
            "hint: known refs: main, caost-test-2",
        ),
        (("compare", "main", "x", "--repo", "/nonexistent"), "audit: /nonexistent does not exist", None),
        ((*TINY, "--format", "pdf"), "audit: there is no format 'pdf'", None),
        ((*TINY, "--output", "html"), "audit: --output 'html' is not FORMAT=PATH", None),
        ((*TINY, "--fail-on", "sometimes"), "audit: --fail-on 'sometimes' is no level", None),
        ((*TINY, "--only", "no-such-rule"), "audit: there is no rule 'no-such-rule'", None),
        ((*TINY, "--rerun"), "audit: a rerun needs the base model", None),
        (
            (*TINY, "--base", "fixtures/seed"),
            "audit: fixtures/seed holds no config.json",
            "hint: give --base the folder of the base model",
        ),
        (("explain", "no-such"), "audit: there is no rule 'no-such'", None),
        (("schema", "no-such"), "audit: there is no schema 'no-such'", None),
        (("check", "/nonexistent/x"), "audit: ", None),
        (
            ("compar", "a", "b"),
            "audit: no such command 'compar'",
            "hint: did you mean 'compare'? audit --help tells more",
        ),
        (("compare",), "audit: missing argument 'BASE'", "hint: audit compare --help tells more"),
        (
            (*TINY, "extra"),
            "audit: got unexpected extra argument (extra)",
            "hint: audit compare --help tells more",
        ),
        (
            (*TINY, "--formt", "json"),
            "audit: no such option '--formt'",
            "hint: did you mean '--format'? audit compare --help tells more",
        ),
        (
            (*TINY, "--steps", "5"),
            "audit: --steps is an option of the rerun, and none was asked for",
            "hint: add --rerun",
        ),
        (
            ("compare", "mian", "caost-test-2", "--repo", "fixtures/seed/repo.bundle"),
            "audit: 'mian' is not a branch, tag or commit of the repository seed",
            "hint: did you mean 'main'? known refs: caost-test-2, main",
        ),
        (
            ("check", "main:checkpoint-9", "--repo", "fixtures/tiny/repo.bundle"),
            "audit: 'main:checkpoint-9' is a part, and the whole is audited",
            "hint: audit inspect looks at parts",
        ),
    ],
)
def test_wrong_use_exits_2_with_a_sentence_and_a_hint(
    capsys: Capture, arguments: tuple[str, ...], message: str, hint: str | None
) -> None:
    done = audit(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    first, *rest = done.err.splitlines()
    assert first.startswith(message)
    assert rest
    assert rest[0].startswith("hint: ")
    assert hint is None or sorted(rest[0].removeprefix("hint: known refs: ").split(", ")) == sorted(
        hint.removeprefix("hint: known refs: ").split(", ")
    )


def test_an_unknown_option_is_wrong_use(capsys: Capture) -> None:
    done = audit(capsys, "compare", "a", "b", "--no-such-option")
    assert (done.code, done.out) == (2, "")
    assert done.err == "audit: no such option '--no-such-option'\nhint: audit compare --help tells more\n"


@pytest.mark.parametrize(
    "refs", [("main...caost-test-2",), ("main..caost-test-2",), ("main", "caost-test-2")]
)
def test_two_refs_are_named_as_git_names_them(capsys: Capture, refs: tuple[str, ...]) -> None:
    done = audit(capsys, "compare", *refs, "--repo", "fixtures/seed/repo.bundle", "--format", "json")
    said = json.loads(done.out)["subject"]
    assert (said["base"]["ref"], said["head"]["ref"]) == ("main", "caost-test-2")


def test_one_ref_is_compared_with_head_and_the_same_commit_is_said(capsys: Capture) -> None:
    done = audit(capsys, "compare", "main", "--repo", "fixtures/seed/repo.bundle")
    assert done.code == 3
    assert "note: main and HEAD are the same commit, so nothing is new in it" in done.out


def test_help_shows_the_options_in_groups(capsys: Capture) -> None:
    done = audit(capsys, "compare", "--help")
    own, rerun, output = (
        done.out.index(f"\n{title}:\n")
        for title in ("Options", "Options of the rerun", "What is printed and written")
    )
    assert done.code == 0
    assert own < done.out.index("--fail-on") < rerun < done.out.index("--steps") < output
    assert output < done.out.index("--format")


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_ends_with_examples_of_options_that_exist_and_the_exit_codes(
    capsys: Capture, command: str
) -> None:
    options, _, ending = audit(capsys, command, "--help").out.partition("\nExamples:\n")
    examples, _, codes = ending.partition("\nExit codes:\n")
    for line, says in EXAMPLES[command]:
        program, name, *words = line.split()
        assert (program, name) == ("audit", command)
        assert line in examples
        assert says.split()[0] in examples
        assert all(word in options for word in words if word.startswith("-"))
    assert [line.split()[0] for line in codes.splitlines()] == ["0", "1", "2", "3"]


def test_a_bug_of_ours_is_3_and_one_sentence(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("auditor.engine.audit.compare", broken)
    done = audit(capsys, *TINY)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("audit: internal error: RuntimeError: broken\nhint: ")
    assert "Traceback" in audit(capsys, *TINY, "--debug").err


def test_an_interrupt_is_3(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("auditor.engine.audit.compare", interrupted)
    done = audit(capsys, *TINY)
    assert done.code == 3
    assert done.err.startswith("audit: interrupted")


def test_one_audit_many_outputs(capsys: Capture, tmp_path: Path) -> None:
    outputs = {
        name: tmp_path / f"report.{name}" for name in ("json", "markdown", "html", "sarif", "terminal")
    }
    done = audit(capsys, *TINY, *(f"--output={name}={path}" for name, path in outputs.items()))
    assert done.code == 0
    assert all(path.stat().st_size > 100 for path in outputs.values())
    assert json.loads(outputs["json"].read_text())["verdict"] == "pass"


def test_an_output_that_cannot_be_written_is_3(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = audit(capsys, *TINY, "--output", f"json={tmp_path / 'file' / 'below.json'}")
    assert done.code == 3
    assert "cannot be written" in done.err


def test_the_same_input_gives_the_same_bytes(capsys: Capture) -> None:
    one, two = audit(capsys, *SEED, "--format", "json"), audit(capsys, *SEED, "--format", "json")
    assert one.out == two.out
    assert str(Path.cwd()) not in one.out
    assert json.loads(one.out)["subject"]["base"]["ref"] == "main"


def test_a_stamp_is_written_only_when_asked_for(capsys: Capture) -> None:
    plain = audit(capsys, *TINY, "--format", "json").out
    stamped = audit(capsys, *TINY, "--format", "json", "--stamp").out
    assert plain != stamped


def test_a_stored_report_renders_again(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    first = audit(capsys, *SEED, "--output", f"json={path}")
    again = audit(capsys, "report", str(path))
    assert again.code == 0
    assert again.out == first.out


def test_a_file_that_is_no_report(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1, 2")
    done = audit(capsys, "report", str(tmp_path / "x.json"))
    assert done.code == 2
    assert "is not an audit report" in done.err


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing.json", "../nowhere"])
def test_a_path_that_is_not_there_is_not_taken_for_a_ref(capsys: Capture, name: str) -> None:
    done = audit(capsys, "check", name)
    assert done.code == 2
    assert done.err.startswith(f"audit: {name} does not exist")


def test_the_policy_comes_from_the_base_ref(capsys: Capture, tmp_path: Path) -> None:
    """A branch that relaxes its own gate is judged by the base's."""
    path = repos.init(tmp_path / "r")
    repos.commit(path, "main", {".audit.toml": b'fail-on = "note"\n'})
    config = (
        b'{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "base_model_name_or_path": "/x", "revision": null}'
    )
    repos.commit(path, "branch", {"adapter_config.json": config, ".audit.toml": b'fail-on = "never"\n'})
    strict = audit(capsys, "compare", "main", "branch", "--repo", str(path))
    assert strict.code == 1
    loose = audit(capsys, "compare", "main", "branch", "--repo", str(path), "--fail-on", "never")
    assert loose.code == 0
    shown = audit(capsys, "config", "main", "--repo", str(path))
    assert 'fail-on = "note"  # main:.audit.toml:1\n' in shown.out
    told = json.loads(audit(capsys, "compare", "main", "branch", "--repo", str(path), "--format", "json").out)
    assert told["notes"][0] == (
        "branch changes the policy: it was judged by that of main, so look at the change itself"
    )


def test_a_policy_that_judges_its_own_tree_is_said(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / ".audit.toml").write_text('fail-on = "never"\n')
    done = audit(capsys, "check", str(tmp_path), "--format", "json")
    where = f"{tmp_path.name}:.audit.toml"
    assert json.loads(done.out)["notes"] == [
        f"the policy came from what was audited ({where}); audit compare takes it from the base"
    ]


def test_the_printed_policy_is_that_policy(capsys: Capture, tmp_path: Path) -> None:
    text = (
        'fail-on = "warning"\n[severity]\nempty-log-history = "error"\n[paths]\n"/c/x y" = "z"\n'
        '[[ignore]]\nrule = "licence-missing"\nreason = "a \\"b\\""\nuntil = "2030-01-01"\n[tolerance]\nloss = 0.001\n'
    )
    (tmp_path / ".audit.toml").write_text(text)
    done = audit(capsys, "config", str(tmp_path))
    printed = policy.from_snapshot(memory_snapshot("x", {".audit.toml": done.out.encode()}))
    assert replace(printed, sources={}) == replace(
        policy.from_snapshot(memory_snapshot("x", {".audit.toml": text.encode()})), sources={}
    )
    by_option = audit(capsys, "config", str(tmp_path), "--fail-on", "note", "--format", "json")
    assert json.loads(by_option.out)["fail-on"] == {"value": "note", "source": "option --fail-on"}
    (tmp_path / ".audit.toml").write_text('[severity]\nempty-log = "note"\n')
    refused = audit(capsys, "config", str(tmp_path))
    assert refused.code == 2
    assert "there is no rule 'empty-log'" in refused.err


def test_coverage_can_be_required(capsys: Capture) -> None:
    done = audit(capsys, *TINY, "--require-coverage", "1.0")
    assert done.code == 3
    assert "of the claims verified where 100% is required" in " ".join(done.out.split())


def test_check_takes_a_folder_a_bundle_and_a_ref(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8, "lora_alpha": 16}')
    assert audit(capsys, "check", str(tmp_path)).code in (0, 1)
    many = audit(capsys, "check", "fixtures/tiny/repo.bundle")
    assert (many.code, "the bundle holds 2 branches" in many.err) == (2, True)
    assert audit(capsys, "check", "candidate", "--repo", "fixtures/tiny/repo.bundle").code == 0


def test_rules_and_explain_print_the_same_words(capsys: Capture) -> None:
    table = json.loads(audit(capsys, "rules", "--format", "json").out)
    assert len(table) >= 40
    for row in table[:3]:
        page = " ".join(audit(capsys, "explain", row["rule"]).out.split())
        assert row["what"] in page
        assert row["fix"][1:] in page


def test_schema_prints_the_report_schema(capsys: Capture) -> None:
    assert "report-v1" in audit(capsys, "schema").out
    assert json.loads(audit(capsys, "schema", "report-v1").out)["$schema"]


def test_every_command_has_help() -> None:
    for name in ("compare", "check", "inspect", "rerun", "explain", "rules", "report", "schema", "config"):
        done = subprocess.run(
            [sys.executable, "-m", "auditor", name, "--help"], capture_output=True, text=True, check=True
        )
        assert "Usage: audit" in done.stdout
        assert done.stderr == ""


def test_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("auditor ")


def test_no_colour_when_piped(capsys: Capture) -> None:
    assert "\x1b" not in audit(capsys, *SEED).out
    assert "\x1b[" in audit(capsys, *SEED, "--color", "always").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", ""), "audit: TARGET is empty"),
        (("check", "a" * 5000), f"audit: {'a' * 80}... cannot be looked at: "),
        (("check", "/dev/zero"), "audit: /dev/zero is neither a file nor a folder"),
        ((*TINY, "--color", "sometimes"), "audit: --color 'sometimes' is unknown"),
        ((*TINY, "--lfs-store", "/nonexistent"), "audit: --lfs-store /nonexistent is no folder"),
    ],
)
def test_slips_of_the_hand_are_wrong_use(capsys: Capture, arguments: tuple[str, ...], message: str) -> None:
    done = audit(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)
    assert "\nhint: " in done.err


def test_offline_is_accepted_and_verbose_speaks_on_stderr(capsys: Capture) -> None:
    plain = audit(capsys, *TINY)
    assert audit(capsys, *TINY, "--offline") == plain
    told = audit(capsys, *TINY, "-v")
    assert told.code == plain.code
    assert len(told.out) > len(plain.out)
    assert [line.split(" ")[:2] for line in told.err.splitlines()] == [
        ["reading", "main"],
        ["reading", "candidate"],
    ]


@pytest.mark.parametrize(
    "command", [["rules"], ["explain", "lora-rank-mismatch"], ["schema", "report-v1"], TINY]
)
def test_a_reader_that_went_away_is_3_and_never_1(command: list[str]) -> None:
    """click itself ends with 1 on a broken pipe, which would read as findings."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "auditor", *command], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 3
    assert done.stderr.startswith(b"audit: the report was not read to its end\nhint: ")


def test_a_terminal_without_check_marks_is_no_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *TINY],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2713 PASS" in done.stdout


def test_a_list_of_files_that_was_cut_does_not_pass(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "config.json"):
        (tmp_path / name).write_text("{}")
    assert audit(capsys, "check", str(tmp_path)).code == 0
    monkeypatch.setattr("auditor.sources.directory.ENTRY_LIMIT", 2)
    done = audit(capsys, "check", str(tmp_path))
    assert done.code == 3
    assert "the list of files is not complete" in " ".join(done.out.split())


def test_a_bundle_is_read_itself_whatever_a_hook_points_at(tmp_path: Path) -> None:
    """git sets GIT_DIR for its hooks; the bundle's scratch repository must not be traded for that one."""
    folder = repos.init(tmp_path / "r")
    repos.commit(folder, "main", {"README.md": b"x"})
    bundle, other = tmp_path / "one.bundle", repos.init(tmp_path / "other")
    subprocess.run(["git", "-C", str(folder), "bundle", "create", "-q", str(bundle), "main"], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "check", str(bundle), "--format", "json"],
        capture_output=True,
        env={**os.environ, "GIT_DIR": str(other / ".git")},
    )
    assert json.loads(done.stdout)["subject"]["head"]["ref"] == "main"
