"""Audits an archive of real repositories and holds what was found against our table of what is right.

    python benchmarks/corpus.py [ARCHIVE] [--rule GLOB] [--repository GLOB]

The archive is a tar of one folder a repository, each with ``_tree.tsv`` (mode, blob id, size, path, kept or why not):
what the repository holds at its commit. Every repository is audited twice: as the plain folder it was unpacked to,
and as the commit that ``_tree.tsv`` describes, in which files missing from the archive are unfetched.

``corpus.tsv`` beside this file says of each repository, file and rule what is expected, and why. Prints per rule how
often it fired and where; exits 1 unless no error is false, at most 2 % of the warnings are, every listed
inconsistency is found and every listed look-alike is silent. A warning or error is false unless a row calls it right.
"""

import argparse
import csv
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NoReturn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from auditor.engine import audit  # noqa: E402 - the path comes first
from auditor.errors import CannotRead  # noqa: E402
from auditor.model import Blob, Digest, FileKind, Finding, Report, Severity, Snapshot  # noqa: E402
from auditor.sources import directory  # noqa: E402

DEFAULT = ROOT.parent / "shared" / "corpus" / "open.tar.xz"
TABLE = Path(__file__).with_suffix(".tsv")
TREE = "_tree.tsv"
FALSE_WARNINGS = 0.02
"""Largest share of warnings that may be false."""
UNPACKED_LIMIT = 2 * 1024**3
"""Bytes that an archive may unpack to."""
POINTER_LIMIT = 1024
"""A stored file below this many bytes may be an LFS pointer; when it is missing here nobody can tell."""
KINDS = {"120000": FileKind.SYMLINK, "160000": FileKind.SUBMODULE}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``expect`` is found, right, silent or outside; ``of`` numbers what it belongs to."""

    repository: str
    place: str
    rule: str
    expect: str
    of: str
    why: str

    def covers(self, seen: "Seen") -> bool:
        """Whether the row speaks of a finding; any of its places counts."""
        return (
            fnmatchcase(seen.repository, self.repository)
            and fnmatchcase(seen.finding.rule, self.rule)
            and any(fnmatchcase(place, self.place) for place in seen.places)
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding in a repository, and in which view (folder, commit) it was seen."""

    repository: str
    finding: Finding
    views: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Every path the finding speaks of."""
        return tuple(str(at.path) for at in (self.finding.at, *self.finding.also_at))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the table makes of everything seen."""

    false: tuple[Seen, ...]
    """Warnings and errors that no row calls right."""
    lost: tuple[Row, ...]
    """Rows whose finding was not seen."""
    noisy: tuple[tuple[Row, Seen], ...]
    """Look-alikes that were not left alone."""
    rows: tuple[Row, ...] = ()
    """The rows of the repositories that were audited, and of those outside the archive."""
    crashed: tuple[str, ...] = ()
    warnings: int = 0
    errors: int = 0

    @property
    def false_errors(self) -> int:
        """How many errors are false."""
        return sum(seen.finding.severity is Severity.ERROR for seen in self.false)

    @property
    def false_warnings(self) -> float:
        """The share of warnings that are false."""
        false = sum(seen.finding.severity is Severity.WARNING for seen in self.false)
        return false / self.warnings if self.warnings else 0.0

    @property
    def holds(self) -> bool:
        """Whether the promised rates hold."""
        quiet = not self.false_errors and self.false_warnings <= FALSE_WARNINGS
        return quiet and not self.lost and not self.noisy and not self.crashed


@dataclass(slots=True)
class Audited:
    """Everything seen in the archive."""

    seen: list[Seen] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    seconds: float = 0.0


def unpack(archive: Path, target: Path) -> None:
    """Write the regular files of a tar below ``target``; links, devices and paths that lead out are refused.

    Raises ValueError for a path that leads out and for more than UNPACKED_LIMIT bytes.
    """
    left = UNPACKED_LIMIT
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{member.name!r} leads out of the archive")
            if not member.isreg():
                continue
            left -= member.size
            if left < 0:
                raise ValueError(f"the archive unpacks to more than {UNPACKED_LIMIT:,} bytes")
            stream = tar.extractfile(member)
            if stream is not None:
                place = target.joinpath(*path.parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(stream.read())


def as_folder(folder: Path) -> Snapshot:
    """The plain folder; ``_tree.tsv`` is the archive's own and no file of the repository."""
    found = directory.snapshot(folder)
    return replace(found, files={path: blob for path, blob in found.files.items() if path != TREE})


def as_commit(folder: Path) -> Snapshot:
    """The commit that ``_tree.tsv`` describes: ids and sizes known, what is not in the archive unfetched."""
    here = as_folder(folder).files
    files: dict[str, Blob] = {}
    for line in (folder / TREE).read_text(encoding="utf-8").splitlines():
        mode, _, rest = line.partition("\t")
        if not line.startswith("#") and rest:
            blob_id, size, path, status = rest.split("\t")
            files[path] = _stored(here.get(path), mode, blob_id, size, path, status)
    return Snapshot(folder.name, dict(sorted(files.items())), kind="git")


def _stored(here: Blob | None, mode: str, blob_id: str, size: str, path: str, status: str) -> Blob:
    known = Digest("git-sha1", blob_id)
    if here is not None:
        return here.replaced(object_id=known)
    bytes_ = int(size) if size.isdigit() else None
    kind = KINDS.get(mode, FileKind.FILE)
    reason = f"its content is not in the archive ({status.removeprefix('left_out:')})"

    def refuse() -> NoReturn:
        raise CannotRead(reason, "unfetched")

    maybe_pointer = bytes_ is None or bytes_ < POINTER_LIMIT
    return Blob(
        path,
        None if maybe_pointer else bytes_,
        refuse,
        kind,
        known,
        absent=reason if kind is FileKind.FILE else None,
    )


def audit_all(target: Path, only: str = "*") -> Audited:
    """Audit every repository in both views, in this process."""
    done, start = Audited(), time.perf_counter()
    for folder in sorted(path for path in target.iterdir() if path.is_dir()):
        name = folder.name.replace("__", "/", 1)
        if not fnmatchcase(name, only):
            continue
        done.repositories.append(name)
        views = {"folder": as_folder(folder)}
        if (folder / TREE).is_file():
            views["commit"] = as_commit(folder)
        reports = {view: audit.check(snapshot, audit.Options()) for view, snapshot in views.items()}
        done.seen += _merged(name, reports)
        done.crashed += [
            f"{name} ({view}): {item.rule} {item.reason}"
            for view, report in reports.items()
            for item in report.not_applicable
            if item.reason.startswith("crashed:")
        ]
    done.seconds = time.perf_counter() - start
    return done


def _merged(name: str, reports: Mapping[str, Report]) -> Iterator[Seen]:
    """The findings of both views; the same defect in the same place is one."""
    found: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for view, report in reports.items():
        for finding in report.findings:
            key = (finding.rule, finding.severity, finding.at, finding.message)
            found.setdefault(key, (finding, []))[1].append(view)
    for finding, views in found.values():
        yield Seen(name, finding, tuple(views))


def read_table(path: Path = TABLE) -> tuple[Row, ...]:
    """Read the table. Raises ValueError for a line that is none of it."""
    rows: list[Row] = []
    with path.open(encoding="utf-8", newline="") as stream:
        for number, cells in enumerate(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if not cells or cells[0].startswith("#"):
                continue
            if len(cells) != 6 or cells[3] not in ("found", "right", "silent", "outside"):
                raise ValueError(f"{path.name}, line {number}: not repository, place, rule, expect, of, why")
            rows.append(Row(*cells))
    return tuple(rows)


def judge(seen: Sequence[Seen], rows: Sequence[Row], repositories: Iterable[str] | None = None) -> Judgement:
    """Hold what was seen against the table; rows of repositories that were not audited are left out."""
    audited = set(repositories) if repositories is not None else None
    mine = [row for row in rows if audited is None or any(fnmatchcase(r, row.repository) for r in audited)]
    right = [row for row in mine if row.expect in ("found", "right")]
    grave = [item for item in seen if item.finding.severity is not Severity.NOTE]
    outside = [row for row in rows if row.expect == "outside"]
    return Judgement(
        rows=(*mine, *(row for row in outside if row not in mine)),
        false=tuple(item for item in grave if not any(row.covers(item) for row in right)),
        lost=tuple(row for row in right if not any(row.covers(item) for item in seen)),
        noisy=tuple(
            (row, item) for row in mine if row.expect == "silent" for item in seen if _breaks(row, item)
        ),
        warnings=sum(item.finding.severity is Severity.WARNING for item in grave),
        errors=sum(item.finding.severity is Severity.ERROR for item in grave),
    )


def _breaks(row: Row, item: Seen) -> bool:
    """Whether a finding breaks a promise of silence: any finding of a named rule, a warning of rules in general."""
    general = "*" in row.rule and item.finding.severity is Severity.NOTE
    return not general and row.covers(item)


def main(arguments: Sequence[str] | None = None) -> int:
    """Unpack, audit, judge, print."""
    parser = argparse.ArgumentParser(description="Audit an archive of real repositories.")
    parser.add_argument("archive", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--rule", default="*", help="show only these rules (glob)")
    parser.add_argument("--repository", default="*", help="audit only these repositories (glob)")
    chosen = parser.parse_args(arguments)
    if not chosen.archive.is_file():
        print(f"no corpus: {chosen.archive} is not there (make corpus CORPUS=path/to/open.tar.xz)")
        return 2
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        unpack(chosen.archive, Path(folder))
        done = audit_all(Path(folder), chosen.repository)
    rows = read_table()
    judgement = replace(judge(done.seen, rows, done.repositories), crashed=tuple(done.crashed))
    _print_rules([item for item in done.seen if fnmatchcase(item.finding.rule, chosen.rule)], rows)
    _print_rates(done, judgement)
    return 0 if judgement.holds else 1


def _print_rules(seen: Sequence[Seen], rows: Sequence[Row]) -> None:
    right = [row for row in rows if row.expect in ("found", "right")]
    groups: dict[tuple[int, str], list[Seen]] = {}
    for item in seen:
        groups.setdefault((-item.finding.severity, item.finding.rule), []).append(item)
    for (severity, rule), items in sorted(groups.items()):
        names = {item.repository for item in items}
        print(f"{Severity(-severity).word:<8} {rule}: {len(items)} in {len(names)} repositories")
        for item in items:
            judged = "note" if severity == -Severity.NOTE else "FALSE"
            mark = next((row.of or "right" for row in right if row.covers(item)), judged)
            more = f" and {len(item.finding.also_at)} more" if item.finding.also_at else ""
            only = f" [{item.views[0]} only]" if len(item.views) == 1 else ""
            print(f"    {mark:<6} {item.repository}: {item.finding.at}{more}{only}")


def _print_rates(done: Audited, judgement: Judgement) -> None:
    rows = judgement.rows
    print()
    for item in judgement.false:
        print(
            f"false {item.finding.severity.word}: {item.repository}: {item.finding.rule}: {item.finding.at}: "
            f"{item.finding.message}"
        )
    for row in judgement.lost:
        print(f"not found: {row.of or 'right'}: {row.repository}: {row.rule}: {row.place}: {row.why}")
    noisy: dict[str, list[str]] = {}
    for row, item in judgement.noisy:
        place = f"{item.repository}/{item.finding.at}"
        noisy.setdefault(f"{row.of}: {item.finding.rule}: {row.why}", []).append(place)
    for words, places in noisy.items():
        print(f"not silent: {words}: {places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''}")
    for text in judgement.crashed:
        print(f"crashed: {text}")
    lost = {row.of for row in judgement.lost if row.of}
    defects = {row.of for row in rows if row.expect == "found"}
    outside = sorted({int(row.of) for row in rows if row.expect == "outside"})
    alike = {row.of for row in rows if row.expect == "silent"}
    loud = {row.of for row, _ in judgement.noisy}
    print(
        f"{len(done.repositories)} repositories, {done.seconds:.1f} s; {judgement.errors} errors, "
        f"{judgement.warnings} warnings"
    )
    print(f"false errors:    {judgement.false_errors} (must be 0)")
    print(f"false warnings:  {judgement.false_warnings:.1%} (at most {FALSE_WARNINGS:.0%})")
    print(f"inconsistencies: {len(defects - lost)} of {len(defects)} found; not in the archive: {outside}")
    print(f"look-alikes:     {len(alike - loud)} of {len(alike)} silent")
    print("holds" if judgement.holds else "DOES NOT HOLD")


if __name__ == "__main__":
    sys.exit(main())
