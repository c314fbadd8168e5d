"""The commands that explain: rules, schemas, policy, stored reports."""

import json
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import _complete, _output
from auditor.cli import _options as opt
from auditor.cli.commands import app
from auditor.errors import UsageError
from auditor.sources import targets

_Family = Annotated[
    list[str] | None, typer.Option("--family", metavar="NAME", help="Rules of one family only. Repeatable.")
]
_RuleFormat = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="terminal (default), json or markdown.")
]


@app.command(short_help="What a rule means, how it can be wrong, and what to do.")
def explain(
    rule: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RULE...",
            help="Names of rules; without any they are listed.",
            show_default=False,
            autocompletion=_complete.rules,
        ),
    ] = None,
    family: _Family = None,
    every: Annotated[bool, typer.Option("--all", help="Explain every rule.")] = False,
    format: _RuleFormat = "terminal",  # noqa: A002 - the option is called --format
    color: opt.Color = "auto",
) -> None:
    """Print what rules mean, why, how they can be wrong, what to do, and an example of wrong and of right."""
    from auditor.cli import _rule_choice, _rule_pages

    _rule_choice.check_format(format, "explain")
    if not (rule or family or every):
        _output.write(_rule_choice.invitation())
        return
    chosen = _rule_choice.asked(rule or (), family or (), every)
    if format == "json":
        _output.write(_rule_pages.as_json(chosen))
    elif format == "markdown":
        _output.write(_rule_pages.as_markdown(chosen))
    else:
        paint = _output.paint(color)
        _output.write(f"\n{'-' * _rule_pages.WIDTH}\n\n".join(_rule_pages.as_page(r, paint) for r in chosen))


@app.command(short_help="All rules with their severities.")
def rules(
    family: _Family = None,
    severity: Annotated[
        list[str] | None,
        typer.Option("--severity", metavar="LEVEL", help="error, warning or note only. Repeatable."),
    ] = None,
    format: _RuleFormat = "terminal",  # noqa: A002 - the option is called --format
    color: opt.Color = "auto",
) -> None:
    """List every rule with its severity and what it finds."""
    from auditor.cli import _rule_choice, _rule_pages

    _rule_choice.check_format(format, "rules")
    chosen = _rule_choice.filtered(family or (), severity or ())
    if format == "json":
        _output.write(_rule_pages.as_json(chosen))
    elif format == "markdown":
        _output.write(_rule_pages.as_markdown_table(chosen))
    else:
        _output.write(_rule_pages.as_table(chosen, _output.paint(color)))


@app.command(short_help="The JSON Schemas that are read or written.")
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


@app.command(short_help="Another format of a stored JSON report.")
def report(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.json", help="A report written with --output json=FILE.json.")
    ],
    format: opt.Format = "terminal",  # noqa: A002 - the option is called --format
    output: opt.Output = None,
    color: opt.Color = "auto",
    verbose: opt.Verbose = False,
    debug: opt.Debug = False,
) -> None:
    """Render a stored JSON report in another format, without auditing again."""
    from auditor.cli._baseline import read_report

    stdout, files = _output.chosen(format, output or (), color)
    _output.emit(read_report(file), stdout, files, color, verbose)


@app.command(short_help="The policy in force, and where each value comes from.")
def config(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="[REF]",
            help="The ref whose policy counts (the BASE of a comparison).",
            autocompletion=_complete.refs,
        ),
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
    with targets.target(ref, repo, ()) as opened:
        policy = from_snapshot(opened.snapshots[0])
    policy = overridden(policy, fail_on, require_coverage, only or (), ignore or ())
    _config.refuse_unknown_rules(policy)
    _output.write(_config.as_json(policy) if format == "json" else _config.as_toml(policy))
