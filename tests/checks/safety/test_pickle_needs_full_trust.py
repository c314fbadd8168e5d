from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "pickle-needs-full-trust"
COPIES = ["training_args.bin", "checkpoint-9/training_args.bin", "checkpoint-18/training_args.bin"]


def test_passes_without_the_file() -> None:
    assert found(RULE, healthy(without=COPIES)) == []


def test_fails_once_a_run_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "training_args.bin is a pickle that torch.load opens only with `weights_only=False`",
            "training_args.bin",
            expected="arguments as JSON",
            observed="2 pickled copies",
            evidence=("also at checkpoint-450/training_args.bin",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter, checkpoint or trainer state was found"]
