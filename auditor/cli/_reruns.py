"""What the options of a rerun ask for; the rerun itself is imported only when one is asked for."""

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.cli import _output
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.engine._look import Options
    from auditor.engine.audit import Rerunner
    from auditor.model import Snapshot
    from auditor.policy import Policy
    from auditor.rerun.command import Command
    from auditor.rerun.fleet.where import Where
    from auditor.rerun.options import RerunOptions

Amount = tuple[int | None, float | None, str, float | None, bool, str]
"""Steps, share of all steps, span, minutes, whether near recipes are left out, and which libraries train."""


By = tuple[str, "Command | None"]
"""The trainer's name, and the script that the trainer `command` runs."""
Place = tuple[int | None, "Where"]
"""How many trainings run at a time, and where."""


def refuse_without_rerun(**given: object) -> None:
    """Raises UsageError for an option of a rerun when none was asked for: it would do nothing, in silence."""
    idle = next((name for name, value in given.items() if value is not None), None)
    if idle is not None:
        raise UsageError(f"--{idle} is an option of the rerun, and none was asked for", "add --rerun")


def by(
    policy: "Policy", trainer: str | None, command: str | None, audited: Sequence[Path], *, trusted: bool
) -> By:
    """Who trains: what the command line says, else the policy, whose command counts only where it is the base ref's.

    ``trusted`` says that it is; ``audited`` are folders of which nothing is executed. Raises UsageError.
    """
    from auditor.rerun.command import parse

    if command is not None:
        return trainer or "command", parse(command, "option --command", audited)
    name, given = trainer or str(policy.rerun.get("trainer", "auto")), policy.rerun.get("command")
    if given is None or name not in ("auto", "command"):
        return name, None
    source = policy.sources.get("rerun.command", "the policy")
    if not trusted:
        raise UsageError(
            f"the command in {source} is that of what is audited, and it is not run",
            "give it with --command, or set --trainer to another",
        )
    text = shlex.join(map(str, given)) if isinstance(given, list) else str(given)
    return "command", parse(text, source, audited)


def place(policy: "Policy", jobs: int | None, on: str | None, *, trusted: bool) -> Place:
    """Where trainings run: what the command line says, else the policy, which counts only where it is the base ref's.

    What is audited must not choose the queue, nor what a job of it executes beside the training (``slurm_setup``).
    Raises UsageError.
    """
    from auditor.rerun.fleet.where import parse

    given, number = policy.rerun.get("on"), policy.rerun.get("jobs")
    if on is None and given is not None and not trusted:
        source = policy.sources.get("rerun.on", "the policy")
        raise UsageError(
            f"the place to train in {source} is that of what is audited, and it is not used",
            "give it with --on, or say --on local",
        )
    if jobs is None and trusted and isinstance(number, int):
        jobs = number
    return jobs, parse(on or str(given or "local"))


def environment(policy: "Policy", option: str | None, *, trusted: bool) -> str:
    """Which libraries train: as the command line says, else the policy, where it is the base ref's; else ``current``.

    The policy of what is audited installs nothing. Raises UsageError.
    """
    given = option or str(policy.rerun.get("environment", "current"))
    if option is None and given != "current" and not trusted:
        source = policy.sources.get("rerun.environment", "the policy")
        raise UsageError(
            f"the environment in {source} is that of what is audited, and it is not installed",
            f"give it with --environment {given}, or give --environment current",
        )
    return given


def audited(target: str | None, repo: Path | None) -> tuple[Path, ...]:
    """The folders in which what is audited lies: the target, or the repository's work tree."""
    if target is not None and repo is None and Path(target).is_dir():
        return (Path(target),)
    start = (repo or Path()).resolve()
    return (next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start),)


def wanted(
    base: Path | None,
    data: Path | None,
    amount: Amount,
    by: "By",
    place: "Place",
    keep: Path | None,
    no_cache: bool,
    debug: bool,
) -> "RerunOptions":
    """The options as the engine takes them."""
    from auditor.engine.rerun import RerunOptions

    steps, coverage, span, minutes, no_controls, environment = amount
    return RerunOptions(
        base=base,
        data=data,
        steps=steps,
        coverage=coverage,
        span=span,
        minutes=minutes,
        keep=keep,
        cache=not no_cache,
        controls=not no_controls,
        hypotheses=not no_controls,
        environment=environment,
        trainer=by[0],
        command=by[1],
        jobs=place[0],
        where=place[1],
        debug=debug,
    )


def rerunner(policy: "Policy", options: "RerunOptions", run_name: str | None, quiet: bool) -> "Rerunner":
    """A function that reruns the chosen run, with progress and cost told on stderr."""
    from auditor.cli._progress import progress_bar
    from auditor.engine.rerun import rerunner as made

    return made(run_name, options, policy, progress_bar(quiet), lambda text: _told(text, quiet))


def _told(text: str, quiet: bool) -> None:
    """One line on stderr, in the place of a bar that stands there."""
    _output.tell(("\r\x1b[K" if sys.stderr.isatty() else "") + text, quiet)


TIMED = "Minutes choose the span in a rerun, by steps that are measured first, unless steps, share or span are given."


def planned(snapshot: "Snapshot", options: "Options", run_name: str | None, wanted: "RerunOptions") -> str:
    """What ``--plan`` prints. Nothing is imported that only a training or a whole audit needs."""
    from auditor.cli._plan import plan_text
    from auditor.engine._look import grouped
    from auditor.engine.rerun import plan

    text = plan_text(plan(grouped(snapshot, options), run_name, wanted, options.policy), _output.width())
    return text if wanted.minutes is None else f"{text}\n{TIMED}\n"


def cached(word: str) -> str:
    """What ``--cache list`` and ``--cache clear`` print. Raises UsageError for another word."""
    from auditor.rerun import cache

    root, environments = cache.folder(), cache.environments()
    if word == "clear":
        count, size = cache.clear(root)
        more, bytes_more = cache.clear(environments)
        return f"removed {_counted(count, more)}, {(size + bytes_more) / 1e6:,.1f} MB\n"
    if word != "list":
        raise UsageError(f"--cache takes list or clear, not {word!r}", "audit rerun --cache list")
    known, built = cache.entries(root), cache.entries(environments)
    lines = [
        f"{entry.name[:12]}  {entry.size / 1e6:>8,.1f} MB  {_day(entry.used)}  "
        f"{entry.facts.get('trial', '')}: {entry.facts.get('steps', '')}"
        for entry in (*known, *built)
    ]
    total = sum(entry.size for entry in (*known, *built))
    return "\n".join([*lines, f"{_counted(len(known), len(built))}, {total / 1e6:,.1f} MB, in {root}"]) + "\n"


def _counted(trainings: int, environments: int) -> str:
    one = "environment" if environments == 1 else "environments"
    built = f" and {environments} {one}" if environments else ""
    return f"{trainings} finished trainings{built}"


def _day(second: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(second))
