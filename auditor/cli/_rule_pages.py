"""Rules as pages: 80 columns for a terminal, Markdown, or rows of JSON. Words come from the rules' docstrings."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from auditor.engine._reads import looks_at, uses
from auditor.engine._rules import Rule
from auditor.report._ansi import Paint

WIDTH = 80
_EXAMPLES = (
    "An example is a list of edits of the honest training run in fixtures/tiny (or of the repository it names); "
    "tests carry out each of them."
)


def silence(rule: Rule) -> str:
    """The lines of .audit.toml that ignore a rule, or change what it weighs."""
    return (
        f'[[ignore]]\nrule = "{rule.id}"\nreason = "..."\nuntil = "YYYY-MM-DD"\n\n'
        f'[severity]\n{rule.id} = "note"'
    )


def as_json(rules: Sequence[Rule]) -> str:
    """A list with one object a rule."""
    rows = [
        {
            "rule": rule.id,
            "family": rule.family,
            "severity": rule.severity.word,
            **asdict(rule.documentation),
            "looks_at": list(looks_at(rule)),
            "uses": list(uses(rule)),
        }
        for rule in rules
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_page(rule: Rule, paint: Paint) -> str:
    """One rule at 80 columns: title, what, why, how it can be wrong, what to do, examples, reads, silencing."""
    words = rule.documentation
    kind = f"{rule.severity.word}, {rule.family}"
    title = paint(rule.id, "bold") + " " * max(WIDTH - len(rule.id) - len(kind), 2) + kind
    sections = (
        ("Why", _paragraphs(words.why)),
        ("How it can be wrong", _paragraphs(_sentence(words.wrong_when))),
        ("What to do", _paragraphs(_sentence(words.fix))),
        ("Bad: it fires on the honest run of fixtures/tiny with these edits", _lines(words.bad)),
        ("Good: it stays silent with these", _lines(words.good)),
        ("Looks at", _paragraphs(_list(rule))),
        ("To silence it, in .audit.toml of the base ref", _lines(silence(rule))),
    )
    body = "\n\n".join(f"{paint(heading, 'bold')}\n{text}" for heading, text in sections if text)
    return f"{title}\n\n{_paragraphs(words.what)}\n\n{body}\n"


def as_markdown(rules: Sequence[Rule]) -> str:
    """All given rules as one Markdown document: an index by family, then each rule."""
    parts = [f"# Rules\n\n{counts(rules)}. {_EXAMPLES}\n"]
    for family in families(rules):
        links = ", ".join(f"[{rule.id}](#{rule.id})" for rule in rules if rule.family == family)
        parts.append(f"- **{family}**: {links}")
    for family in families(rules):
        parts.append(f"\n## {family}\n")
        parts.extend(_markdown(rule) for rule in rules if rule.family == family)
    return "\n".join(parts)


def _markdown(rule: Rule) -> str:
    words = rule.documentation
    why = "\n\n".join(_prose(part) for part in words.why.split("\n\n"))
    return (
        f"### {rule.id}\n\n*{rule.severity.word}* · looks at {_prose(_list(rule))}\n\n{_prose(words.what)}\n\n{why}\n\n"
        f"**How it can be wrong.** {_prose(_sentence(words.wrong_when))}\n\n"
        f"**What to do.** {_prose(_sentence(words.fix))}\n\n"
        f"Bad:\n\n```\n{words.bad}\n```\n\nGood:\n\n```\n{words.good}\n```\n"
    )


def _prose(text: str) -> str:
    """Our own words as Markdown: code stays in its backticks, outside of them nothing is markup."""
    parts = text.split("`")
    parts[::2] = (part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2])
    return "`".join(parts)


def as_table(rules: Sequence[Rule], paint: Paint) -> str:
    """Names and first sentences by family, with counts."""
    parts = [f"{counts(rules)}. audit explain RULE tells more.\n"]
    for family in families(rules):
        own = [rule for rule in rules if rule.family == family]
        told = "" if len(own) == len(rules) else f": {counts(own)}"
        parts.append(f"\n{paint(family, 'bold')}{told}\n")
        parts.extend(
            f"  {rule.severity.word:<8} {rule.id}\n{_wrapped(rule.documentation.what, 11)}\n" for rule in own
        )
    return "".join(parts)


def as_markdown_table(rules: Sequence[Rule]) -> str:
    """A Markdown table with a row for each rule."""
    rows = [f"| `{r.id}` | {r.family} | {r.severity.word} | {_cell(r.documentation.what)} |\n" for r in rules]
    return f"{counts(rules)}.\n\n| rule | family | severity | finds |\n| --- | --- | --- | --- |\n{''.join(rows)}"


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def as_names(names: Sequence[str]) -> str:
    """Names side by side, as many as fit into the width."""
    return textwrap.fill("  ".join(names), WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def counts(rules: Sequence[Rule]) -> str:
    """``3 rules: 1 error, 2 warnings``, the gravest first."""
    by_severity: dict[str, int] = {}
    for rule in sorted(rules, key=lambda rule: -int(rule.severity)):
        by_severity[rule.severity.word] = by_severity.get(rule.severity.word, 0) + 1
    told = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in by_severity.items())
    return f"{len(rules)} rule{'' if len(rules) == 1 else 's'}" + (f": {told}" if told else "")


def families(rules: Sequence[Rule]) -> list[str]:
    """The families of some rules, sorted."""
    return sorted({rule.family for rule in rules})


def _list(rule: Rule) -> str:
    also = uses(rule)
    return ", ".join(looks_at(rule)) + (f"; where there are any, also {', '.join(also)}" if also else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _paragraphs(text: str) -> str:
    return "\n\n".join(_wrapped(part, 2) for part in text.split("\n\n") if part)


def _wrapped(text: str, indent: int, again: str = "") -> str:
    space = " " * indent
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=space,
        subsequent_indent=space + again,
        break_on_hyphens=False,
    )


def _lines(text: str) -> str:
    return "\n".join(line for item in text.splitlines() for line in _kept(item))


def _kept(line: str) -> Iterator[str]:
    """One line of an example as it stands; where it is too long, its edit goes below its path."""
    if len(line) <= WIDTH - 4:
        yield ("    " + line).rstrip()
    elif line.startswith("#"):
        yield _wrapped(line, 4, "# ")
    else:
        path, _, edit = line.partition(": ")
        yield f"    {path}:"
        yield _wrapped(edit, 8)
