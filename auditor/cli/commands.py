"""The commands. Each parses, calls the engine, renders and exits; what they need is imported when they run."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli import _complete, _output, _reruns
from auditor.cli import _options as opt
from auditor.cli._guard import guarded
from auditor.cli._help import Grouped
from auditor.sources import targets

if TYPE_CHECKING:
    from auditor.engine._look import Options
    from auditor.model import Report, Snapshot
    from auditor.policy import Policy

app = typer.Typer(
    name="audit",
    help="Audits LoRA/QLoRA model repositories: do the files agree, are they safe to load, and did the declared "
    "recipe make these weights? Nothing in the audited repository is executed or changed.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 clean, 1 findings or a diverged rerun, 2 usage, 3 could not look.\n\n"
    ".audit.toml in the audited repository holds the policy (audit schema audit-config). AUDIT_CACHE_DIR is where "
    "reruns are kept; NO_COLOR and FORCE_COLOR are heeded.",
)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; every way of ending has its exit code."""
    if "--no-color" in arguments:
        arguments = [item for word in arguments for item in _never(word)]
    if "--recover-seed" in arguments:
        from auditor.cli._inspect_output import spelled_out

        arguments = spelled_out(arguments)
    return guarded(app, arguments)


def _never(word: str) -> tuple[str, ...]:
    return ("--color", "never") if word == "--no-color" else (word,)


@app.callback()
def _audit(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from auditor import __version__

        _output.write(f"auditor {__version__}\n")
        raise typer.Exit


@app.command(cls=Grouped, short_help="The pre-merge check: what a branch changes and what contradicts what.")
def compare(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE",
            help="The ref to merge into: a branch, tag or commit. BASE...HEAD names both.",
            autocompletion=_complete.refs,
        ),
    ],
    head: Annotated[
        str | None,
        typer.Argument(
            metavar="[HEAD]",
            help="The ref under review; HEAD when you name none. Histories may be unrelated.",
            autocompletion=_complete.refs,
        ),
    ] = None,
    repo: opt.Repo = None,
    lfs_store: opt.LfsStore = None,
    rerun: opt.Rerun = False,
    base_model: opt.Base = None,
    data: opt.Data = None,
    steps: opt.Steps = None,
    coverage: opt.CoverageShare = None,
    span: opt.SpanWord = "auto",
    minutes: opt.Minutes = None,
    no_controls: opt.NoControls = False,
    environment: opt.Environment = None,
    trainer: opt.Trainer = None,
    command: opt.Command = None,
    jobs: opt.Jobs = None,
    on: opt.On = None,
    run_name: opt.RunName = None,
    keep: opt.Keep = None,
    no_cache: opt.NoCache = False,
    format: opt.Format = "terminal",  # noqa: A002 - the option is called --format
    output: opt.Output = None,
    fail_on: opt.FailOn = None,
    require_coverage: opt.RequireCoverage = None,
    only: opt.Only = None,
    ignore: opt.Ignore = None,
    baseline: opt.Baseline = None,
    color: opt.Color = "auto",
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    offline: opt.Offline = False,
    stamp: opt.Stamp = False,
    debug: opt.Debug = False,
) -> None:
    """Check the branch HEAD before it is merged into BASE: what changed, what contradicts what, and why it matters."""
    from auditor.engine import audit
    from auditor.policy import from_snapshot

    stdout, files = _output.chosen(format, output or (), color)
    if not rerun:
        _reruns.refuse_without_rerun(
            data=data,
            steps=steps,
            coverage=coverage,
            minutes=minutes,
            environment=environment,
            trainer=trainer,
            command=command,
            jobs=jobs,
            on=on,
            run=run_name,
            keep=keep,
            span=None if span == "auto" else span,
        )
    with targets.refs(targets.two(base, head), repo, lfs_store or ()) as opened:
        before, after = opened.snapshots
        _say(opened.snapshots, verbose and not quiet)
        policy = _policy(from_snapshot(before), fail_on, require_coverage, only, ignore)
        which = _reruns.environment(policy, environment, trusted=True) if rerun else "current"
        amount = (steps, coverage, span, minutes, no_controls, which)
        by = (
            _reruns.by(policy, trainer, command, _reruns.audited(None, repo), trusted=True) if rerun else None
        )
        place = _reruns.place(policy, jobs, on, trusted=True) if by else None
        wanted = (
            _reruns.wanted(base_model, data, amount, by, place, keep, no_cache, debug)
            if by and place
            else None
        )
        rerunner = _reruns.rerunner(policy, wanted, run_name, quiet) if wanted else None
        options = _audit_options(policy, base_model, opened.repository, baseline)
        report = audit.compare(before, after, opened.related, options, rerunner)
    _finish(report, stdout, files, color, stamp, verbose)


@app.command(cls=Grouped, short_help="The same for one side: a ref, a folder, a bundle or a file.")
def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[TARGET]", help="A ref, a folder, a .bundle or one file.", autocompletion=_complete.refs
        ),
    ] = "HEAD",
    repo: opt.Repo = None,
    lfs_store: opt.LfsStore = None,
    base_model: opt.Base = None,
    format: opt.Format = "terminal",  # noqa: A002 - the option is called --format
    output: opt.Output = None,
    fail_on: opt.FailOn = None,
    require_coverage: opt.RequireCoverage = None,
    only: opt.Only = None,
    ignore: opt.Ignore = None,
    baseline: opt.Baseline = None,
    color: opt.Color = "auto",
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    offline: opt.Offline = False,
    stamp: opt.Stamp = False,
    debug: opt.Debug = False,
) -> None:
    """Audit one side only: every check and the ledger of one ref, folder, bundle or file."""
    from auditor.engine import audit
    from auditor.policy import from_snapshot

    stdout, files = _output.chosen(format, output or (), color)
    with targets.target(target, repo, lfs_store or ()) as opened:
        (snapshot,) = opened.snapshots
        _say(opened.snapshots, verbose and not quiet)
        policy = _policy(from_snapshot(snapshot), fail_on, require_coverage, only, ignore)
        report = audit.check(snapshot, _audit_options(policy, base_model, opened.repository, baseline))
    _finish(report, stdout, files, color, stamp, verbose)


@app.command(cls=Grouped, short_help="Train the declared recipe again and compare the weights.")
def rerun(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[TARGET]", help="A ref, a folder or a .bundle.", autocompletion=_complete.refs
        ),
    ] = "HEAD",
    repo: opt.Repo = None,
    lfs_store: opt.LfsStore = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be trained, and stop.")] = False,
    base_model: opt.Base = None,
    data: opt.Data = None,
    steps: opt.Steps = None,
    coverage: opt.CoverageShare = None,
    span: opt.SpanWord = "auto",
    minutes: opt.Minutes = None,
    no_controls: opt.NoControls = False,
    environment: opt.Environment = None,
    trainer: opt.Trainer = None,
    command: opt.Command = None,
    jobs: opt.Jobs = None,
    on: opt.On = None,
    run_name: opt.RunName = None,
    keep: opt.Keep = None,
    no_cache: opt.NoCache = False,
    cache: opt.Cache = None,
    format: opt.Format = "terminal",  # noqa: A002 - the option is called --format
    output: opt.Output = None,
    fail_on: opt.FailOn = None,
    require_coverage: opt.RequireCoverage = None,
    only: opt.Only = None,
    ignore: opt.Ignore = None,
    baseline: opt.Baseline = None,
    color: opt.Color = "auto",
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    offline: opt.Offline = False,
    stamp: opt.Stamp = False,
    debug: opt.Debug = False,
) -> None:
    """Train the declared recipe again and compare what comes out with what was committed."""
    if cache is not None:
        _output.write(_reruns.cached(cache))
        return
    from auditor.policy import from_snapshot

    stdout, files = _output.chosen(format, output or (), color)
    with targets.target(target, repo, lfs_store or ()) as opened:
        (snapshot,) = opened.snapshots
        _say(opened.snapshots, verbose and not quiet)
        policy = _policy(from_snapshot(snapshot), fail_on, require_coverage, only, ignore)
        options = _audit_options(policy, base_model, opened.repository, baseline)
        which = _reruns.environment(policy, environment, trusted=False)
        amount = (steps, coverage, span, minutes, no_controls, which)
        by = _reruns.by(policy, trainer, command, _reruns.audited(target, repo), trusted=False)
        place = _reruns.place(policy, jobs, on, trusted=False)
        wanted = _reruns.wanted(base_model, data, amount, by, place, keep, no_cache, debug)
        if plan:
            _output.write(_reruns.planned(snapshot, options, run_name, wanted))
            return
        from auditor.engine import audit

        report = audit.check(snapshot, options, _reruns.rerunner(policy, wanted, run_name, quiet))
    _finish(report, stdout, files, color, stamp, verbose)


def _say(snapshots: Sequence["Snapshot"], wanted: bool) -> None:
    if wanted:
        for snapshot in snapshots:
            commit = f" (commit {snapshot.commit[:10]})" if snapshot.commit else ""
            _output.tell(f"reading {snapshot.name}{commit}: {len(snapshot.files):,} files")


def _policy(
    policy: "Policy",
    fail_on: str | None,
    coverage: float | None,
    only: list[str] | None,
    ignore: list[str] | None,
) -> "Policy":
    from auditor.policy import overridden

    return overridden(policy, fail_on, coverage, only or (), ignore or ())


def _audit_options(policy: "Policy", base: Path | None, repository: str, baseline: Path | None) -> "Options":
    from auditor.cli._baseline import findings_of
    from auditor.engine._look import Options

    today = date.today().isoformat()  # noqa: DTZ011 - ignores end on a local day
    return Options(policy, base, today, repository, None if baseline is None else findings_of(baseline))


def _finish(
    report: "Report",
    stdout: ModuleType | None,
    files: Sequence[tuple[ModuleType, Path]],
    color: str,
    stamp: bool,
    detail: bool,
) -> None:
    from auditor.cli._stamp import stamped

    _output.emit(stamped(report) if stamp else report, stdout, files, color, detail)
    raise typer.Exit(report.exit_code)
