import json

from auditor.model import Snapshot
from tests.builders.repositories import healthy
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, rows

RULE = "trainer-log-differs-from-log-history"
LOG = "trainer_log.jsonl"


def lines(**changed: float) -> str:
    """What LLaMA-Factory's callback writes beside the honest rows; ``loss13`` is another loss at step 13."""
    found = []
    for row in rows(ROOT_STATE):
        if "loss" in row:
            step = row["step"]
            loss = changed.get(f"loss{step}", row["loss"])
            found.append({"current_steps": step, "total_steps": 27, "loss": loss, "lr": row["learning_rate"]})
    return "".join(json.dumps(item) + "\n" for item in found)


def with_log(text: str) -> Snapshot:
    return healthy(text={LOG: text})


def test_passes_the_same_rows() -> None:
    assert found(RULE, with_log(lines())) == []


def test_passes_a_step_that_a_resumed_run_wrote_twice() -> None:
    twice = '{"current_steps": 13, "total_steps": 27, "loss": 9.5}\n' + lines()
    assert found(RULE, with_log(twice)) == []


def test_passes_losses_that_one_of_them_rounds() -> None:
    honest = {f"loss{row['step']}": float(str(row["loss"])) for row in rows(ROOT_STATE) if "loss" in row}
    assert found(RULE, with_log(lines(**{key: round(loss, 4) for key, loss in honest.items()}))) == []
    (only,) = found(RULE, with_log(lines(**{key: round(loss, 3) for key, loss in honest.items()})))
    assert only.at.member == "loss at step 1"
    (only,) = found(RULE, with_log(lines(**{**honest, "loss13": round(honest["loss13"] + 1e-4, 4)})))
    assert only.at.member == "loss at step 13"


def test_passes_not_a_number() -> None:
    assert found(RULE, with_log(lines(loss13=float("nan")))) == []


def test_fails_for_another_loss() -> None:
    honest = {row["step"]: row["loss"] for row in rows(ROOT_STATE) if "loss" in row}
    count = 2 * len(honest)  # a loss and a learning rate in every row
    assert found(RULE, with_log(lines(loss13=9.5))) == [
        finding(
            RULE,
            ERROR,
            f"{LOG} and {ROOT_STATE} disagree on 1 of {count} numbers, first loss at step 13",
            LOG,
            "loss at step 13",
            expected=f"{honest[13]:.9g}",
            observed="9.5",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, with_log('{"current_steps": 1000, "loss": 1.0}\n')) == [
        "the log and log_history share no step"
    ]
