"""Which release of each training library made a run: proven by its files, else chosen, with the reason.

Pure; nothing is installed here. What is proven comes from the claims ``transformers_version`` and ``peft_version``
(a range of releases), and from the "Framework versions" of a card that lies beside the adapter or its last
checkpoint. Of a range the newest release is taken that was out on the day of the training. What no file says is taken
as it was on that day: the later of the event files' last record and the days on which the proven releases came out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from auditor.artifacts.model_card import ModelCard
from auditor.claims import Ledger
from auditor.model import Setting, VersionRange, version_key
from auditor.runs import Run

PROVED = ("transformers", "peft")
"""Libraries whose release evidence derives from files, as a VersionRange."""
DATED = ("accelerate", "trl")
"""Libraries that a training may need and that write no release into any file but a card."""
ON_CARDS = ("accelerate", "bitsandbytes", "datasets", "tokenizers", "trl")
"""Libraries that "Framework versions" of a card may name (transformers, modelcard.py; trl, templates/lm_model_card.md;
hands)."""
_RELEASE = re.compile(r"[0-9]+(\.[0-9]+){1,3}")
_LONGEST = 24
_TABLE = Path(__file__).with_name("release_dates.json")
Dates = Mapping[str, Mapping[str, str]]
"""Library -> release -> day (ISO), oldest first."""


@lru_cache
def release_dates() -> Dates:
    """The days on which releases came out; ``fixtures/versions/dates.py`` makes the table."""
    table: Dates = json.loads(_TABLE.read_text(encoding="utf-8"))
    return table


def recorded(run: Run, ledger: Ledger, dates: Dates | None = None) -> Mapping[str, Setting]:
    """Library -> its release, where it comes from, and whether it was assumed; value None where nothing is known.

    An exact release that files prove is not assumed; one chosen from a range, or by the day, is.
    """
    table = release_dates() if dates is None else dates
    spans = {name: _span(ledger, name) for name in PROVED}
    written = _last_record(run)
    found = {name: _of_range(name, span, written, table) for name, span in spans.items()}
    card = dict(_cards(run))
    found |= {name: Setting(*card[name]) for name in ON_CARDS if name in card}
    day = _day(found, written, table)
    for name in DATED:
        found.setdefault(name, _of_day(name, day, table))
    return found


def ranges(ledger: Ledger, found: Mapping[str, Setting], dates: Dates | None = None) -> Iterator[str]:
    """A sentence for each library of which several minor releases may have made the run; ``found`` is `recorded`'s."""
    table = release_dates() if dates is None else dates
    for name in PROVED:
        span, taken = _span(ledger, name), found[name]
        if span is None or not taken.assumed or taken.value is None:
            continue
        last = table.get(name, {}).get(str(taken.value))
        newest: dict[tuple[int, ...], str] = {}
        for release, day in table.get(name, {}).items():
            if release in span and is_release(release) and (last is None or day <= last):
                newest[version_key(release)[:2]] = release
        others = sorted(minor for minor in newest if minor != version_key(str(taken.value))[:2])
        if others:
            first, other = ".".join(map(str, others[0])), newest[others[-1]]
            yield (
                f"{len(others) + 1} minor releases of {name} from {first} on leave such files, and they may compute "
                f"otherwise: --environment recorded takes {taken.value}; --environment {name}=={other} tries another"
            )


def _span(ledger: Ledger, name: str) -> VersionRange | None:
    span = ledger.derived(f"{name}_version")
    return span if isinstance(span, VersionRange) else None


def _of_range(name: str, span: VersionRange | None, written: str | None, dates: Dates) -> Setting:
    if span is None:
        return Setting(None, "not recorded", assumed=True)
    if span.low is not None and span.low == span.high:
        return _exact(name, span.low)
    days = dates.get(name, {})
    inside = [release for release in days if release in span and is_release(release)]
    # A clock that stands before all of them tells nothing.
    out = [release for release in inside if written is not None and days[release] <= written]
    when = f" that was out on {written}" if out else ""
    ends = [end for end in (span.high, span.low) if end is not None and is_release(end)]
    newest = max(out or (*inside, *ends), key=version_key, default=None)
    if newest is None:
        return Setting(None, f"{name} {span} by its files, which is no release", assumed=True)
    return Setting(newest, f"the newest{when} of {name} {span}, which files prove", assumed=True)


def _exact(name: str, version: str) -> Setting:
    if is_release(version):
        return Setting(version, f"proven by files: {name} {version}")
    led_to = ".".join(map(str, version_key(version)))
    if not is_release(led_to):
        return Setting(None, f"{name} {version} by its files, which is no release", assumed=True)
    return Setting(
        led_to, f"files name {version}, a build that no index offers; the release of its number", True
    )


def is_release(version: str) -> bool:
    """Whether a version is a final release such as 4.51.3: nothing else of a file may reach an installer."""
    return len(version) <= _LONGEST and _RELEASE.fullmatch(version) is not None


def _of_day(name: str, day: str | None, dates: Dates) -> Setting:
    """The newest release that was out on a day."""
    out = [r for r, d in dates.get(name, {}).items() if day is not None and d <= day and is_release(r)]
    if not out:
        return Setting(None, "not recorded", assumed=True)
    newest = max(out, key=version_key)
    return Setting(newest, f"not recorded; the newest that was out on {day}", assumed=True)


def _day(found: Mapping[str, Setting], written: str | None, dates: Dates) -> str | None:
    """The day of the training: no earlier than its libraries, whatever a clock says."""
    days = [dates.get(name, {}).get(str(setting.value)) for name, setting in found.items()]
    return max((day for day in (*days, written) if day is not None), default=None)


def _last_record(run: Run) -> str | None:
    """The day (UTC) of the last record in the event files; None where there is none or no calendar has it."""
    times = [log.last_wall_time for log in run.events if log.last_wall_time is not None]
    try:
        return datetime.fromtimestamp(max(times), UTC).date().isoformat() if times else None
    except (ValueError, OverflowError, OSError):
        return None


def _cards(run: Run) -> Iterator[tuple[str, tuple[str, str]]]:
    """Library -> (release, where it is said) of the cards' framework versions; what cards disagree on is left out."""
    said: dict[str, dict[str, str]] = {}
    for card in run.all(ModelCard):
        for name, version in card.framework_versions.items():
            if is_release(version):
                said.setdefault(name, {}).setdefault(version, card.path)
    for name, versions in said.items():
        if len(versions) == 1:
            ((version, path),) = versions.items()
            yield name, (version, f"{path} says so")
