"""Which releases made a run: proven ones exactly, others by the day, and nothing else of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.claims import Ledger
from auditor.engine.audit import Options, look
from auditor.model import Evidence, Setting, Status, VersionRange
from auditor.policy import Policy
from auditor.rerun.environments.recorded import is_release, ranges, recorded, release_dates
from tests.builders.repositories import edited
from tests.rerun import variants as v

DATES = {
    "transformers": {
        "4.50.0": "2025-03-21",
        "4.51.0": "2025-04-05",
        "4.51.3": "2025-04-14",
        "4.52.1": "2025-05-20",
    },
    "peft": {"0.13.2": "2024-10-11", "0.15.2": "2025-04-15"},
    "accelerate": {
        "1.5.2": "2025-03-14",
        "1.6.0": "2025-04-01",
        "1.7.0rc1": "2025-04-10",
        "1.7.0": "2025-05-15",
    },
}
"""Days on which these releases came out, by hand (rounded in no direction: only their order counts here)."""


def ledger(**spans: tuple[str | None, str | None]) -> Ledger:
    found = [
        Evidence(f"{name}_version", Status.VERIFIED, "", value=VersionRange(*span))
        for name, span in spans.items()
    ]
    return Ledger(".", {}).with_evidence(tuple(found))


def without_events() -> v.Files:
    """The fixture without its event file, whose clock is of 2026, and without cards."""
    files = v.without(v.committed(), v.event_path())
    return v.without(files, *(path for path in files if path.endswith("README.md")))


def made_by(files: v.Files | None = None, **spans: tuple[str | None, str | None]) -> dict[str, Setting]:
    run = v.run_of(without_events() if files is None else files)
    return dict(recorded(run, ledger(**spans), DATES))


def test_an_exact_release_is_proven_and_the_others_are_of_its_day() -> None:
    found = made_by(transformers=("4.51.3", "4.51.3"), peft=("0.13.2", "0.13.2"))
    assert found["transformers"] == Setting("4.51.3", "proven by files: transformers 4.51.3")
    assert found["peft"] == Setting("0.13.2", "proven by files: peft 0.13.2")
    # 4.51.3 came out on 14 April, after accelerate 1.6.0 and its candidate, before 1.7.0.
    said = "not recorded; the newest that was out on 2025-04-14"
    assert found["accelerate"] == Setting("1.6.0", said, assumed=True)


def test_the_newest_of_a_range_is_taken() -> None:
    found = made_by(transformers=("4.50.0", "4.51.3"))["transformers"]
    said = "the newest of transformers 4.50.0 to 4.51.3, which files prove"
    assert found == Setting("4.51.3", said, assumed=True)


def test_what_came_out_after_the_last_record_is_not_taken() -> None:
    # The fixture's event file was written on 15 January 2026 (its name holds 1768467607 seconds).
    later = {**DATES, "transformers": {**DATES["transformers"], "5.99.0": "2026-02-01"}}
    found = recorded(v.run_of(v.committed()), ledger(transformers=("4.51.0", None)), later)["transformers"]
    assert found.value == "4.52.1"
    assert found.source.startswith("the newest that was out on 2026-01-15 of transformers 4.51.0 or newer")


def test_a_clock_before_every_release_of_the_range_tells_nothing() -> None:
    later = {**DATES, "transformers": {"5.98.0": "2026-02-01", "5.99.0": "2026-03-01"}}
    found = recorded(v.run_of(v.committed()), ledger(transformers=("5.98.0", None)), later)
    assert found["transformers"].value == "5.99.0"
    assert found["accelerate"].source == "not recorded; the newest that was out on 2026-03-01"


def test_nothing_proven_is_not_recorded() -> None:
    found = made_by()
    assert found == {
        name: Setting(None, "not recorded", True) for name in ("transformers", "peft", "accelerate", "trl")
    }


def test_a_card_names_what_no_other_file_does() -> None:
    card = "# Model\n\n### Framework versions\n\n- TRL: 0.17.0\n- Tokenizers: 0.21.1\n- Accelerate 1.5.2\n"
    found = made_by({**without_events(), "README.md": card.encode()}, transformers=("4.51.3", "4.51.3"))
    assert found["trl"] == Setting("0.17.0", "README.md says so")
    assert (found["tokenizers"].value, found["accelerate"].value) == ("0.21.1", "1.5.2")


def test_cards_that_disagree_name_nothing() -> None:
    cards = {
        path: f"### Framework versions\n\n- Tokenizers {number}\n".encode()
        for path, number in (("README.md", "0.21.1"), ("checkpoint-18/README.md", "0.21.2"))
    }
    assert "tokenizers" not in made_by({**without_events(), **cards})


@pytest.mark.parametrize("version", ["4.52.0.dev0", "4.52.0@8f3a1b2"])
def test_a_build_that_no_index_offers_stands_for_the_release_of_its_number(version: str) -> None:
    found = made_by(transformers=(version, version))["transformers"]
    assert (found.value, found.assumed) == ("4.52.0", True)
    assert version in found.source


@given(st.text(max_size=60))
def test_only_numbers_reach_an_installer(text: str) -> None:
    found = made_by(transformers=(text, text))["transformers"]
    assert found.value is None or is_release(str(found.value))
    assert not is_release(text) or set(text) <= set("0123456789.")


@pytest.mark.parametrize("text", ["4.51.3 --index-url x", "4.51.3 @ file:///x", "4", "", "4.51.3\n", "٤.٥"])
def test_other_words_are_no_release(text: str) -> None:
    assert not is_release(text)


def test_the_real_case_was_made_by_the_releases_of_its_time() -> None:
    side = look(edited("seed", "caost-test-2"), Options(Policy()))
    (run,) = side.runs
    found = recorded(run, side.ledgers[run.name])
    # transformers 4.50.0 to 4.51.3 and peft 0.13.2 by its files; accelerate's release notes: 1.6.0 of 1 April 2025.
    assert {name: found[name].value for name in ("transformers", "peft", "accelerate")} == {
        "transformers": "4.51.3",
        "peft": "0.13.2",
        "accelerate": "1.6.0",
    }
    assert [name for name, setting in found.items() if not setting.assumed] == ["peft"]


def test_the_table_holds_every_library_in_order_of_days() -> None:
    table = release_dates()
    assert set(table) == {"transformers", "peft", "accelerate", "trl"}
    for days in table.values():
        assert list(days.values()) == sorted(days.values())
    # https://github.com/huggingface/transformers/releases: v4.51.3 of 14 April 2025 (UTC).
    assert table["transformers"]["4.51.3"] == "2025-04-14"


def said(**spans: tuple[str | None, str | None]) -> list[str]:
    return list(ranges(ledger(**spans), made_by(None, **spans), DATES))


def test_a_range_of_several_minors_is_said_with_another_to_try() -> None:
    (found,) = said(transformers=("4.50.0", "4.52.1"), peft=("0.13.2", "0.13.2"))
    assert found == (
        "3 minor releases of transformers from 4.50 on leave such files, and they may compute otherwise: --environment "
        "recorded takes 4.52.1; --environment transformers==4.51.3 tries another"
    )
    assert said(transformers=("4.51.0", "4.51.3")) == [], "patches do not change arithmetic"
    assert said() == []


def test_releases_that_came_out_after_the_chosen_one_are_not_named() -> None:
    # The fixture's event file was written on 15 January 2026.
    later = {**DATES, "transformers": {**DATES["transformers"], "5.99.0": "2026-02-01"}}
    known = ledger(transformers=("4.51.0", None))
    (found,) = ranges(known, recorded(v.run_of(v.committed()), known, later), later)
    assert found.startswith("2 minor releases of transformers from 4.51 on")
    assert found.endswith("--environment transformers==4.51.3 tries another")
