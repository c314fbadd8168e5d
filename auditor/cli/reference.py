"""The commands that explain: rules, schemas, policy, stored reports."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import _options as opt
from auditor.cli import _output, _targets
from auditor.cli.commands import app
from auditor.errors import UsageError


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule's name; audit rules lists them.")],
) -> None:
    """Print what a rule means, why it matters, how it can be wrong, and what to do."""
    from auditor.engine import _rules
    from auditor.engine.audit import nearest

    found = _rules.rules().get(rule)
    if found is None:
        raise UsageError(f"there is no rule {rule!r}", nearest(rule))
    _output.write(
        f"{found.id} ({found.severity.word}, {found.family})\n\n{_wrapped(found.documentation.text)}\n"
    )


@app.command()
def rules(
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="terminal or json.")] = "terminal",  # noqa: A002
) -> None:
    """List every rule with its severity and what it finds."""
    from auditor.engine import _rules

    found = _rules.rules().values()
    if format == "json":
        table = [
            {"rule": r.id, "family": r.family, "severity": r.severity.word, **asdict(r.documentation)}
            for r in found
        ]
        _output.write(json.dumps(table, indent=2) + "\n")
        return
    if format != "terminal":
        raise UsageError(f"there is no format {format!r} for rules", "use terminal or json")
    for family in sorted({rule.family for rule in found}):
        _output.write(f"{family}\n")
        for rule in (r for r in found if r.family == family):
            _output.write(f"  {rule.severity.word:<8} {rule.id}\n")
            _output.write(_wrapped(rule.documentation.what, "           ") + "\n")


@app.command()
def schema(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Which schema; without it they are listed.")
    ] = "",
) -> None:
    """Print a JSON Schema that we read or write."""
    from auditor import schemas

    if not name:
        _output.write("\n".join(schemas.names()) + "\n")
        return
    if name not in schemas.names():
        raise UsageError(f"there is no schema {name!r}", f"schemas: {', '.join(schemas.names())}")
    _output.write(json.dumps(schemas.load(name), indent=2) + "\n")


@app.command()
def report(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.json", help="A report written with --output json=FILE.json.")
    ],
    format: opt.Format = "terminal",  # noqa: A002 - the option is called --format
    output: opt.Output = None,
    color: opt.Color = "auto",
    debug: opt.Debug = False,
) -> None:
    """Render a stored JSON report in another format, without auditing again."""
    from auditor.cli._baseline import read_report

    stdout, files = _output.chosen(format, output or (), color)
    _output.emit(read_report(file), stdout, files, color)


@app.command()
def config(
    ref: Annotated[
        str, typer.Argument(metavar="[REF]", help="The ref whose policy counts (the BASE of a comparison).")
    ] = "HEAD",
    repo: opt.Repo = None,
    fail_on: opt.FailOn = None,
    require_coverage: opt.RequireCoverage = None,
    only: opt.Only = None,
    ignore: opt.Ignore = None,
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="toml or json.")] = "toml",  # noqa: A002
) -> None:
    """Print the policy in force, and where each value came from: a file and line, an option, or the default."""
    from auditor.cli import _config
    from auditor.policy import from_snapshot, overridden

    if format not in ("toml", "json"):
        raise UsageError(f"there is no format {format!r} for the policy", "use toml or json")
    with _targets.target(ref, repo, ()) as opened:
        policy = from_snapshot(opened.snapshots[0])
    policy = overridden(policy, fail_on, require_coverage, only or (), ignore or ())
    _config.refuse_unknown_rules(policy)
    _output.write(_config.as_json(policy) if format == "json" else _config.as_toml(policy))


def _wrapped(text: str, indent: str = "") -> str:
    import textwrap

    return "\n\n".join(
        textwrap.fill(part, 80, initial_indent=indent, subsequent_indent=indent)
        for part in text.split("\n\n")
    )
