import pytest

from auditor.engine._policy import fold
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "training-environment-not-recorded"
EVENTS = (
    "runs/May08_02-15-44_fine-tuning-01jtptcd84q7n2v5x8b3k6m9r4-w7x2q/"
    "events.out.tfevents.1746670545.fine-tuning-01jtptcd84q7n2v5x8b3k6m9r4-w7x2q"
)


def test_passes_by_the_event_file() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "transformers==4.51.3\n"),
        ("uv.lock", "version = 1\n"),
        ("config.json", '{"model_type": "gemma3", "transformers_version": "4.51.3"}'),
        ("checkpoint-450/README.md", "### Framework versions\n\n- PEFT 0.13.2\n- Transformers 4.51.3\n"),
    ],
)
def test_passes_by_another_file(path: str, text: str) -> None:
    assert found(RULE, seed(text={path: text})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "no file that was read names the release of transformers; only PEFT 0.13.2 is recorded",
            "adapter_config.json",
            expected="the versions of torch, transformers, PEFT and bitsandbytes",
            observed="PEFT 0.13.2 (checkpoint-450/README.md)",
            evidence=(f"{EVENTS} was not fetched; its model text may name the release",),
        )
    ]


def test_fails_when_nothing_is_recorded_at_all() -> None:
    (only,) = found(RULE, seed(without=["checkpoint-450/README.md", "runs/"]))
    assert only.message == "no file that was read names the release of transformers"
    assert (only.observed, only.evidence) == ("none", ())


def test_fails_once_for_several_adapters() -> None:
    config = b'{"peft_type": "LORA", "r": 8, "peft_version": "0.21.2"}'
    several = memory_snapshot("two", {f"{name}/adapter_config.json": config for name in ("a", "b")})
    (only,) = fold(found(RULE, several))
    assert [at.path for at in (only.at, *only.also_at)] == ["a/adapter_config.json", "b/adapter_config.json"]


def test_fails_when_the_list_belongs_to_another_folder() -> None:
    snapshot = seed(text={"docs/requirements.txt": "transformers==4.51.3\n"})
    assert len(found(RULE, snapshot)) == 1


def test_says_when_it_cannot_look() -> None:
    other = memory_snapshot("mlx", {"adapter_config.json": b'{"fine_tune_type": "lora", "num_layers": 16}'})
    assert reasons(RULE, other) == ["the run shows neither a PEFT adapter nor a trainer state"]
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter, checkpoint or trainer state was found"]


def test_fails_as_a_note_where_no_training_is_declared() -> None:
    (only,) = found(RULE, seed(without=["cheetah-fine-tuning-config.json"]))
    assert only.severity is NOTE
