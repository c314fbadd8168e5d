"""``audit inspect``: what is in this adapter or checkpoint, without executing a pickle."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from auditor.cli import _options as opt
from auditor.cli import _output, _targets
from auditor.cli.commands import app
from auditor.errors import UsageError


@app.command()
def inspect(
    target: Annotated[
        str, typer.Argument(metavar="[TARGET]", help="A ref, a folder, a .bundle or one file.")
    ] = "HEAD",
    repo: opt.Repo = None,
    lfs_store: opt.LfsStore = None,
    format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="terminal or json.")] = "terminal",  # noqa: A002
    debug: opt.Debug = False,
) -> None:
    """Show what is in an adapter or checkpoint: modules, ranks, norms, moments, schedule, seeds, curves."""
    from auditor.engine.audit import Options, look
    from auditor.engine.inspect import describe

    if format not in ("terminal", "json"):
        raise UsageError(f"there is no format {format!r} for inspect", "use terminal or json")
    with _targets.target(target, repo, lfs_store or ()) as opened:
        table = describe(look(opened.snapshots[0], Options(repository=opened.repository)))
    if format == "json":
        _output.write(json.dumps(table, indent=2, default=list) + "\n")
    else:
        _output.write("\n".join(_lines(table)) + "\n")
    if table["unread"]:
        raise typer.Exit(3)


def _lines(value: object, indent: int = 0) -> Iterator[str]:
    """Nested plain data as indented ``key: value`` lines."""
    pad = "  " * indent
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping) or (
                isinstance(item, list) and item and isinstance(item[0], Mapping)
            ):
                yield f"{pad}{key}"
                yield from _lines(item, indent + 1)
            else:
                yield f"{pad}{key}: {_short(item)}"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if number:
                yield ""
            yield from _lines(item, indent)


def _short(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_short(item) for item in value)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))
