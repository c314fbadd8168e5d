"""One defect is one finding: all findings of a repository with one edit, against those of the same one without."""

import pytest

from auditor.engine.audit import Options, check
from auditor.model import Snapshot
from tests.builders.platforms import AUTOTRAIN, MS_SWIFT, TRL, with_config
from tests.builders.repositories import healthy

CHEETAH = "cheetah-fine-tuning-config.json"
Said = set[tuple[str, str, str]]


def said(snapshot: Snapshot) -> Said:
    """Every finding of a whole audit as (rule, severity, path)."""
    findings = check(snapshot, Options()).findings
    return {
        (item.rule, item.severity.word, place.path) for item in findings for place in (item.at, *item.also_at)
    }


def more(edited: Snapshot, honest: Snapshot) -> tuple[Said, Said]:
    """What an edit adds to the findings, and what it takes away."""
    after, before = said(edited), said(honest)
    return after - before, before - after


@pytest.mark.parametrize("value", ["eight", [8], {}, True])
@pytest.mark.parametrize(
    ("path", "honest", "key"),
    [("training_params.json", AUTOTRAIN, "lora_r"), ("args.json", MS_SWIFT, "lora_rank")],
)
def test_a_rank_that_is_no_number_contradicts_nothing(
    path: str, honest: dict[str, object], key: str, value: object
) -> None:
    edited = with_config(path, {**honest, key: value})
    wanted = {("declared-value-of-wrong-type", "warning", path)}
    assert more(edited, with_config(path, honest)) == (wanted, set())


@pytest.mark.parametrize("value", ["eight", "[8]", "{}"])
def test_a_rank_that_is_no_number_in_a_file_handed_in(value: str) -> None:
    edited = with_config("train.yaml", TRL.replace("lora_r: 8", f"lora_r: {value}"))
    wanted = {("declared-value-of-wrong-type", "warning", "train.yaml")}
    assert more(edited, with_config("train.yaml", TRL)) == (wanted, set())


def test_a_number_that_is_another_one_is_contradicted_whatever_its_type() -> None:
    for value in (4, 8.5, "4"):
        edited = healthy(json_edits={CHEETAH: {"/peft/r": value}})
        new, gone = more(edited, healthy())
        assert ("declared-value-contradicted", "error", CHEETAH) in new
        # A number in quotes is wrong twice: in its type, whatever it says, and in what it says.
        assert len(new) == (2 if isinstance(value, str) else 1)
        assert not gone
