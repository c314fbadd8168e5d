"""explain and rules: every word of the docstrings on a page of 80 columns, filters, formats and near misses."""

import json
import subprocess
import sys
import tomllib

import pytest

from auditor.cli import _rule_pages
from auditor.engine import _rules
from auditor.policy import parse
from auditor.report._ansi import Paint
from tests.builders.command import audit

Capture = pytest.CaptureFixture[str]
RULES = _rules.rules()
PLAIN = Paint(False)


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_page_is_80_columns_wide_and_holds_every_word(rule: str) -> None:
    page, words = _rule_pages.as_page(RULES[rule], PLAIN), RULES[rule].documentation
    assert max(map(len, page.splitlines())) <= 80
    told = squeezed(page)
    for part in (words.what, words.why):
        assert squeezed(part) in told
    for part in (words.wrong_when, words.fix):
        assert squeezed(part)[1:] in told
    # Lines too long are broken, between words where there are any: compared without gaps. A remark that goes on in
    # another line begins there with "# " again.
    place, bare = 0, "".join(told.replace(" # ", "").split())
    for line in (*words.bad.splitlines(), "Good", *words.good.splitlines(), "Looks at"):
        place = bare.find("".join(line.replace(" # ", "").removeprefix("# ").split()), place)
        assert place >= 0, line


def test_a_page_names_what_the_rule_looks_at(capsys: Capture) -> None:
    page = audit(capsys, "explain", "optimizer-steps-differ").out
    assert page.splitlines()[0] == f"{'optimizer-steps-differ':<63}warning, training"
    wanted = (
        "Looks at trainer_state.json, optimizer.pt, optimizer.bin; where there are any, also scheduler.pt"
    )
    assert wanted in squeezed(page)
    page = squeezed(audit(capsys, "explain", "licence-missing").out)
    assert "Looks at the files of a run (adapter_config.json, README.md)" in page


def test_a_page_says_how_to_silence_the_rule_in_words_that_the_policy_knows(capsys: Capture) -> None:
    page = audit(capsys, "explain", "licence-missing").out
    lines = [line.strip() for line in page.partition(".audit.toml of the base ref")[2].splitlines()]
    text = "\n".join(lines).replace("YYYY-MM-DD", "2031-05-01")
    policy = parse(tomllib.loads(text), ".audit.toml")
    assert [item.rule for item in policy.ignores] == ["licence-missing"]
    assert policy.severity["licence-missing"].word == "note"


def test_a_line_too_long_has_its_edit_below_its_path(capsys: Capture) -> None:
    page = audit(capsys, "explain", "rejected-column-is-text-column").out
    assert (
        "    cheetah-fine-tuning-config.json:\n"
        '        /train_model_parameters/column_mappings/rejected_text_column = "text"\n'
    ) in page


def test_several_rules_are_explained_once_each_in_the_order_asked(capsys: Capture) -> None:
    names = ("pad-token-is-eos", "licence-missing", "pad-token-is-eos")
    told = json.loads(audit(capsys, "explain", *names, "--format", "json").out)
    assert [row["rule"] for row in told] == ["pad-token-is-eos", "licence-missing"]
    assert told[0]["looks_at"] == ["tokenizer_config.json"]
    assert "special_tokens_map.json" in told[0]["uses"]
    assert told[0]["bad"] == RULES["pad-token-is-eos"].documentation.bad
    text = audit(capsys, "explain", *names).out
    assert text.count("How it can be wrong") == 2
    assert text.index("pad-token-is-eos") < text.index("licence-missing")


def test_a_family_and_all_are_explained(capsys: Capture) -> None:
    told = json.loads(audit(capsys, "explain", "--family", "storage", "--format", "json").out)
    assert {row["family"] for row in told} == {"storage"}
    assert len(told) == sum(rule.family == "storage" for rule in RULES.values())
    both = json.loads(audit(capsys, "explain", "licence-missing", "--family", "card", "--format", "json").out)
    assert both[0]["rule"] == "licence-missing"
    assert len(both) == sum(rule.family == "card" for rule in RULES.values())
    assert len(json.loads(audit(capsys, "explain", "--all", "--format", "json").out)) == len(RULES)


def test_without_a_name_explain_lists_every_rule_and_exits_well(capsys: Capture) -> None:
    done = audit(capsys, "explain")
    assert done.code == 0
    assert set(RULES) <= set(done.out.split())
    assert max(map(len, done.out.splitlines())) <= 80


def test_markdown_has_a_heading_for_every_rule_and_its_examples_as_code(capsys: Capture) -> None:
    text = audit(capsys, "explain", "lora-rank-mismatch", "--format", "markdown").out
    assert text.startswith("# Rules\n")
    assert "### lora-rank-mismatch\n" in text
    assert f"Bad:\n\n```\n{RULES['lora-rank-mismatch'].documentation.bad}\n```" in text


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("lora-rank-mismach", "did you mean 'lora-rank-mismatch'?"),
        ("lfs-pattern", "did you mean 'lfs-pattern-redundant' or 'lfs-pattern-without-file'?"),
        ("secret_published", "did you mean 'secret-published'?"),
        ("?", "audit rules lists all"),
    ],
)
def test_an_unknown_rule_is_answered_with_those_that_were_meant(
    capsys: Capture, asked: str, hint: str
) -> None:
    done = audit(capsys, "explain", asked)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"audit: there is no rule {asked!r}\nhint: {hint}")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("rules", "--family", "adaptor"), "no family 'adaptor'\nhint: did you mean 'adapter'?"),
        (("explain", "--family", "train"), "no family 'train'\nhint: did you mean 'training'?"),
        (("rules", "--severity", "warn"), "no severity 'warn'\nhint: did you mean 'warning'?"),
        (("rules", "--format", "html"), "no format 'html' for rules\nhint: use terminal, json, markdown"),
        (("explain", "--all", "--format", "x"), "no format 'x' for explain"),
    ],
)
def test_unknown_words_are_refused(capsys: Capture, arguments: tuple[str, ...], says: str) -> None:
    done = audit(capsys, *arguments)
    assert done.code == 2
    assert f"audit: there is {says}" in done.err


def test_rules_counts_by_severity_and_family(capsys: Capture) -> None:
    text = audit(capsys, "rules").out
    first, *rest = text.splitlines()
    counted = [int(word) for word in first.replace(":", " ").replace(".", " ").split() if word.isdigit()]
    assert counted[0] == len(RULES) == sum(counted[1:])
    assert {line.split()[1] for line in rest if line.startswith("  ") and line[2] != " "} == set(RULES)
    assert sum(int(line.split()[1]) for line in rest if line and not line.startswith(" ")) == len(RULES)
    assert max(map(len, text.splitlines())) <= 80


def test_rules_filters_by_family_and_severity_together(capsys: Capture) -> None:
    arguments = ("--family", "safety", "--family", "storage", "--severity", "error")
    told = json.loads(audit(capsys, "rules", *arguments, "--format", "json").out)
    wanted = {
        r.id for r in RULES.values() if r.family in ("safety", "storage") and r.severity.word == "error"
    }
    assert {row["rule"] for row in told} == wanted
    table = audit(capsys, "rules", *arguments, "--format", "markdown").out
    assert [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")] == sorted(wanted)


def test_explaining_one_rule_imports_few_others() -> None:
    """Those it takes a helper from, not all."""
    code = (
        "import sys; from auditor.cli import run; run(sys.argv[1:]); "
        "sys.stderr.write(' '.join(n for n in sys.modules if n.startswith('auditor.checks.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "explain", "licence-missing"], capture_output=True, text=True, check=True
    )
    modules = {name.split(".")[-1] for name in done.stderr.split() if name.count(".") == 3}
    rules = {name for name in modules if not name.startswith("_")}
    assert "licence_missing" in rules
    assert len(rules) < 5


def test_colour_marks_headings_when_asked(capsys: Capture) -> None:
    assert "\x1b" not in audit(capsys, "explain", "licence-missing").out
    assert "\x1b[1mWhy\x1b[0m" in audit(capsys, "explain", "licence-missing", "--color", "always").out
    assert audit(capsys, "rules", "--color", "pink").code == 2
