"""Runs of several processes are refused in one sentence; a state in shards ends no comparison but its own."""

import pytest

from auditor.claims import build
from auditor.errors import UsageError
from auditor.model import Span, Verdict
from auditor.rerun.judging.verdict import judge
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import resume, spans
from auditor.rerun.planning.shards import several
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

OF_DEEPSPEED = (
    "global_step{}/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
    "global_step{}/mp_rank_00_model_states.pt",
)
OF_TORCH = ("optimizer_0/__0_0.distcp", "optimizer_0/.metadata")


def sharded(*names: str) -> v.Files:
    """The fixture with its optimizer's states in other files, of one process."""
    files = v.without(v.committed(), "optimizer.pt")
    for step in (9, 18):
        for name in names:
            files[f"checkpoint-{step}/{name.format(step)}"] = b"x"
    return files


SAYS: dict[tuple[str, ...], str] = {
    OF_DEEPSPEED: (
        "checkpoint-9 keeps its optimizer in shards of DeepSpeed "
        "(global_step9/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt), which are not read"
    ),
    OF_TORCH: "checkpoint-9 keeps its optimizer in shards of FSDP (optimizer_0/__0_0.distcp), which are not read",
}


@pytest.mark.parametrize("names", SAYS)
def test_shards_are_no_place_to_go_on_from(names: tuple[str, ...]) -> None:
    run = v.run_of(sharded(*names))
    assert resume.why_not(run, run.checkpoints[0]) == SAYS[names]
    with pytest.raises(UsageError) as raised:
        spans.choose(run, 18, 18, "9..18")
    assert raised.value.message == f"training cannot go on from step 9: {SAYS[names]}"
    assert spans.choose(run, 18, 9) == ("prefix", (Span(0, 9),))


@pytest.mark.parametrize("names", SAYS)
def test_everything_but_the_shards_is_compared(names: tuple[str, ...]) -> None:
    files = sharded(*names)
    run = v.run_of(files)
    plan = planning.build(run, build(run), TINY_BASE, v.DATA)
    assert plan.obstacles == ()
    result = judge(run, build(run), plan, v.outputs())
    weights = {item.at: item.verdict for item in result.aspects if item.aspect == "weights"}
    assert weights == dict.fromkeys(v.WEIGHTS, Verdict.IDENTICAL)
    optimizer = [item for item in result.aspects if item.aspect == "optimizer"]
    assert [item.verdict for item in optimizer] == [Verdict.INCONCLUSIVE] * 2
    assert optimizer[0].why == SAYS[names]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rng_state_0.pth", "checkpoint-9/rng_state_0.pth shows more than one process"),
        (
            "global_step9/zero_pp_rank_1_mp_rank_00_optim_states.pt",
            "checkpoint-9/global_step9/zero_pp_rank_1_mp_rank_00_optim_states.pt shows more than one process",
        ),
        ("optimizer_0/__1_0.distcp", "checkpoint-9/optimizer_0/__1_0.distcp shows more than one process"),
    ],
)
def test_more_than_one_process_is_refused(name: str, says: str) -> None:
    files = v.committed()
    files[f"checkpoint-9/{name}"] = files["checkpoint-9/rng_state.pth"]
    run = v.run_of(files)
    told = f"{says}; a rerun on one changes the arithmetic"
    assert told in planning.build(run, build(run), TINY_BASE, v.DATA).obstacles


def test_one_process_is_not_several() -> None:
    """Shards of rank 0, and the fixture itself, are what one process leaves."""
    assert several(v.run_of(v.committed())) is None
    assert several(v.run_of(sharded(*OF_DEEPSPEED, *OF_TORCH))) is None


@pytest.mark.parametrize(
    ("processes", "cards", "says"),
    [
        (4, 1, "training_args.bin counts 4 processes"),
        (1, 2, "training_args.bin counts 2 GPUs of one process"),
        (1, 1, None),
        (1, 0, None),
    ],
)
def test_the_arguments_count_processes_and_cards(processes: int, cards: int, says: str | None) -> None:
    files = {**v.committed(), "training_args.bin": make_training_args({"_n_gpu": cards}, processes=processes)}
    told = several(v.run_of(files))
    assert told == (None if says is None else f"{says}; a rerun on one changes the arithmetic")
