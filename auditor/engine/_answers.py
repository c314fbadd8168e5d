"""The three questions a reviewer came with, each answered yes, no or open, with the reason."""

from collections.abc import Sequence

from auditor.artifacts._readers import readers_of
from auditor.artifacts._unnamed import too_large, unnamed
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.engine._found import dangerous, nothing
from auditor.engine._side import Side
from auditor.model import Answer, Finding, RerunResult, Severity, Status, Verdict

_NAMED = 4
AGREE = "Do the files agree with each other?"
SAFE = "Is it safe to load?"
MADE = "Did the declared recipe make these weights?"


def answers(side: Side, live: Sequence[Finding]) -> tuple[Answer, ...]:
    """The three answers for what was found; ``live`` are the findings that count."""
    unsafe = dangerous(live)
    others = [f for f in live if f not in unsafe and f.rule != "rerun-diverged"]
    empty = nothing(side, live)
    return _agree(side, others), _safe(side, unsafe, empty), _made(side.rerun, empty)


def _agree(side: Side, findings: Sequence[Finding]) -> Answer:
    claims = [claim for ledger in side.ledgers.values() for claim in ledger.claims.values()]
    against = [claim.key for claim in claims if claim.status is Status.CONTRADICTED]
    errors = [finding.rule for finding in findings if finding.severity is Severity.ERROR]
    verified = sum(claim.status is Status.VERIFIED for claim in claims)
    if against or errors:
        parts = [f"{_count(against, 'claim')} contradicted ({_named(against)})"] if against else []
        parts += [f"{_count(errors, 'error')} ({_named(errors)})"] if errors else []
        return Answer(AGREE, "no", "; ".join(parts))
    if side.snapshot.notes:
        return Answer(AGREE, "open", "nothing contradicts, but the list of files is not complete")
    unread = side.contents.unread
    if unread:
        return Answer(AGREE, "open", f"nothing contradicts, but {_count(unread, 'file')} could not be read")
    if not claims:
        return Answer(AGREE, "open", "no training run was found")
    warned = sum(finding.severity is Severity.WARNING for finding in findings)
    more = f"; {warned} warnings" if warned > 1 else "; 1 warning" if warned else ""
    return Answer(AGREE, "yes", f"{verified} of {len(claims)} claims verified, none contradicted{more}")


def _safe(side: Side, findings: Sequence[Finding], empty: bool) -> Answer:
    grave = [finding.rule for finding in findings if finding.severity is Severity.ERROR]
    if grave:
        return Answer(SAFE, "no", _named(grave))
    unseen = _unseen(side)
    if unseen:
        return Answer(SAFE, "open", unseen)
    doubtful = [finding.rule for finding in findings if finding.severity is Severity.WARNING]
    if doubtful:
        return Answer(SAFE, "open", f"look at {_named(doubtful)} first")
    if empty:
        return Answer(SAFE, "open", "nothing that could be loaded was found")
    return Answer(SAFE, "yes", _harmless(side, findings))


def _unseen(side: Side) -> str:
    """What might be dangerous and was not seen; "" where all was."""
    unread = [u.path for u in side.contents.unread if PickleArchive in readers_of(u.path)]
    if unread:
        return f"{_count(unread, 'pickled file')} could not be read"
    files = side.snapshot.files.values()
    hidden = [blob for blob in files if (blob.absent is not None or too_large(blob)) and unnamed(blob)]
    if hidden:
        return f"{_count(hidden, 'file')} of no known kind could not be read"
    return "the list of files is not complete" if side.snapshot.notes else ""


def _harmless(side: Side, findings: Sequence[Finding]) -> str:
    """Why nothing there is dangerous; ``findings`` about safety are notes."""
    read = [archive for folder in side.contents.folders.values() for archive in folder.all(PickleArchive)]
    if read:
        were = "was" if len(read) == 1 else "were"
        return f"{_count(read, 'pickled file')} {were} read as opcodes, and none calls anything unknown"
    if findings:
        return f"what was found calls nothing unknown ({_named([finding.rule for finding in findings])})"
    return "there is no pickled file and no custom code"


def _made(rerun: RerunResult | None, empty: bool) -> Answer:
    if empty:
        return Answer(MADE, "open", "no weights and no recipe were found")
    if rerun is None:
        return Answer(MADE, "open", "not tested: no rerun was made (--rerun --base DIR --data PATH)")
    said = f"the rerun{rerun.plan.of_what} is {rerun.verdict.word}: {rerun.why}"
    if rerun.verdict is Verdict.DIVERGED:
        return Answer(MADE, "no", said)
    weights = [aspect.verdict for aspect in rerun.aspects if aspect.aspect == "weights"]
    # A prefix, or a committed adapter that could not be compared, leaves weights untested.
    compared = bool(weights) and Verdict.INCONCLUSIVE not in weights
    whole = not rerun.plan.of_what and compared and rerun.verdict in (Verdict.IDENTICAL, Verdict.EQUIVALENT)
    return Answer(MADE, "yes" if whole else "open", said)


def _count(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _named(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else ""
    return ", ".join(distinct[:_NAMED]) + more
