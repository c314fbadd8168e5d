"""``audit inspect``: what is in this adapter or checkpoint, and how it relates to another."""

from typing import Annotated

import typer

from auditor.cli import _complete
from auditor.cli import _inspect_output as outputs
from auditor.cli import _options as opt
from auditor.cli.commands import app
from auditor.errors import UsageError
from auditor.sources import targets

_TARGET = "A ref, a folder, a .bundle or one file; TARGET:FOLDER is a part of it."


@app.command(short_help="What is in an adapter, checkpoint or run; how two of them relate.")
def inspect(
    target: Annotated[
        str, typer.Argument(metavar="[TARGET]", help=_TARGET, autocompletion=_complete.refs)
    ] = "HEAD",
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="[OTHER]",
            help="A second one, set beside it: are they the same?",
            autocompletion=_complete.refs,
        ),
    ] = None,
    repo: opt.Repo = None,
    lfs_store: opt.LfsStore = None,
    base_model: opt.Base = None,
    no_numbers: Annotated[
        bool, typer.Option("--no-numbers", help="Read no values of tensors: names, shapes and states only.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Try this seed on the adapter's initial values.")
    ] = None,
    recover_seed: Annotated[
        str | None,
        typer.Option(
            "--recover-seed",
            metavar="[FROM..TO]",
            help=f"Search the seed that drew the adapter; {outputs.SEEDS} by default.",
        ),
    ] = None,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="With OTHER: compare tensor by tensor too, as numbers.")
    ] = False,
    table: Annotated[
        str,
        typer.Option(
            "--table", metavar="NAME", help="What csv and parquet hold: modules, tensors, steps or curves."
        ),
    ] = "modules",
    format: Annotated[  # noqa: A002 - the option is called --format
        str,
        typer.Option("--format", metavar="FORMAT", help="What stdout holds: terminal, html, json or csv."),
    ] = "terminal",
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output", "-o", metavar="FORMAT=PATH", help="Also write a file (parquet too). Repeatable."
        ),
    ] = None,
    color: opt.Color = "auto",
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Show what is in an adapter or checkpoint: modules, norms, spectra, states, seeds, curves. No pickle is executed.

    With OTHER the two are set side by side: the same, the same in another basis, scaled, or where they differ most.
    """
    from auditor.engine.inspect import InspectOptions, look, side_by_side

    if tensors and other is None:
        raise UsageError("--tensors compares two adapters", "give OTHER, or --table tensors --format csv")
    plan = outputs.planned(format, output or (), color, table, tensors, side=other is not None)
    if no_numbers and plan.tensors and other is not None:
        raise UsageError("tensors are compared as numbers", "leave --no-numbers out")
    options = InspectOptions(
        not no_numbers, seed, outputs.seed_range(recover_seed), outputs.progress(quiet), base_model
    )
    outputs.refuse_what_means_nothing(options, side=other is not None)
    with targets.within(target, repo, lfs_store or []) as opened:
        if other is None:
            looked = look(opened.snapshots[0], options)
            outputs.emit(looked.inspection, plan, looked)
            seen = looked.inspection
            incomplete = bool(seen.unread or seen.notes or not seen.runs)
        else:
            with targets.within(other, repo, lfs_store or []) as second:
                found = side_by_side(opened.snapshots[0], second.snapshots[0], options, plan.tensors)
            outputs.emit(found, plan)
            incomplete = bool(found.unread)
    if incomplete:
        raise typer.Exit(3)
