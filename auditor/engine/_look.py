"""A snapshot read, its runs grouped, its evidence weighed: what every use case begins with."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.artifacts.base_config import BaseConfig
from auditor.claims import Ledger
from auditor.engine._evidence import ledger_of
from auditor.engine._side import Side
from auditor.errors import CannotRead, UsageError
from auditor.model import Finding, Snapshot
from auditor.policy import Policy
from auditor.runs import BaseFolder, group, read
from auditor.sources import directory


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for besides the refs. ``today`` is an ISO date, for ignores that end."""

    policy: Policy = field(default_factory=Policy)
    base: Path | None = None
    today: str = ""
    repository: str = ""
    baseline: tuple[Finding, ...] | None = None
    """The findings of an earlier report, which do not count; None without one."""


def look(snapshot: Snapshot, options: Options) -> Side:
    """Read a snapshot, group its runs and weigh the evidence. Raises UsageError for an unusable --base."""
    return weighed(grouped(snapshot, options))


def grouped(snapshot: Snapshot, options: Options) -> Side:
    """Read a snapshot and group its runs; no ledgers yet. Raises UsageError for an unusable --base."""
    contents = read(snapshot)
    base = options.base
    runs = group(contents, base_config(base))
    return Side(contents, runs, {}, base_folder=base_folder(base) if base else None)


def weighed(side: Side) -> Side:
    """The side with the ledger of each run, the rerun among the evidence of the run it trained."""
    ledgers: dict[str, Ledger] = {}
    crashed: dict[str, str] = {}
    for run in side.runs:
        mine = side.rerun if side.rerun is not None and side.rerun.run == run.name else None
        ledgers[run.name], failed = ledger_of(run, mine)
        crashed.update(failed)
    return replace(side, ledgers=ledgers, crashed=crashed)


def base_config(folder: Path | None) -> BaseConfig | None:
    """The configuration of the base model in a folder. Raises UsageError when there is none to read."""
    if folder is None:
        return None
    blob = directory.vouched(folder).files.get("config.json")
    if blob is None:
        raise UsageError(f"{folder} holds no config.json", "give --base the folder of the base model")
    try:
        return BaseConfig.parse(blob)
    except CannotRead as error:
        hint = "give --base a complete model folder"
        raise UsageError(f"{folder}/config.json {error.reason}", hint) from error


def base_folder(folder: Path) -> BaseFolder:
    """Everything but the weights in the base model's folder. Raises UsageError when it cannot be listed."""
    contents = read(directory.vouched(folder))
    found = contents.folders.get("")
    return BaseFolder("", found.artifacts if found else {}, files=contents.snapshot.files)
