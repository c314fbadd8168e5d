"""Whatever a state holds, the descriptions are made: no exception, no endless work."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.schedules import FORMS
from auditor.compare.states import (
    describe_generators,
    describe_optimizer,
    describe_scaler,
    describe_schedule,
    steps_in_words,
)
from auditor.errors import CannotRead
from tests.builders.blobs import blob, json_blob
from tests.builders.pickles import DTYPES, Tensor, make_torch

NUMBERS = st.floats() | st.integers(-(2**130), 2**130) | st.booleans()
PLAIN = st.none() | NUMBERS | st.text(max_size=5) | st.lists(st.floats(), max_size=3)
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
NAMES = st.sampled_from(
    [
        *(
            "exp_avg",
            "exp_avg_sq",
            "state1",
            "state2",
            "qmap1",
            "qmap2",
            "absmax1",
            "absmax2",
            "momentum_buffer",
        ),
        *(
            "exp_avg_sq_row",
            "exp_avg_sq_col",
            "row_var",
            "col_var",
            "RMS",
            "step",
            "projector",
            "unorm_vec",
            "sum",
        ),
        "__bnb_optimizer_quant_state__",
    ]
)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    dtype = draw(st.sampled_from(sorted(DTYPES)))
    count = draw(st.integers(0, 12))
    return Tensor([1] * count, draw(SHAPES), dtype, None, draw(st.integers(0, 3)))


ENTRIES = st.dictionaries(
    NAMES, tensors() | PLAIN | st.dictionaries(NAMES, tensors() | PLAIN, max_size=3), max_size=5
)
GROUP_KEYS = st.sampled_from(
    ["lr", "betas", "eps", "params", "param_names", "rank", "amsgrad", "momentum", "dampening"]
)
GROUPS = st.lists(
    st.dictionaries(
        GROUP_KEYS, PLAIN | st.lists(st.integers(-1, 4) | st.text(max_size=3), max_size=4), max_size=6
    ),
    max_size=3,
)


@given(st.dictionaries(st.integers(-1, 4) | st.text(max_size=3), ENTRIES, max_size=4), GROUPS)
@settings(max_examples=300)
def test_optimizers(state: Mapping[object, object], groups: object) -> None:
    try:
        read = OptimizerState.parse(
            blob(make_torch({"state": dict(state), "param_groups": groups}), "optimizer.pt")
        )
    except CannotRead:
        return
    told = describe_optimizer(read, norms=True)
    assert told.says
    assert len(told.parameters) == len(read.entries)
    steps_in_words(3, [count for count, _ in told.steps])


@given(
    st.dictionaries(
        st.sampled_from(["last_epoch", "base_lrs", "_last_lr", "patience", "num_bad_epochs"]), PLAIN
    ),
    st.dictionaries(
        st.sampled_from(["learning_rate", "warmup_steps", "warmup_ratio", "max_steps"]), PLAIN, max_size=4
    ),
    st.sampled_from([*FORMS, "greedy", "x" * 5000]) | PLAIN,
    st.dictionaries(
        st.sampled_from(
            ["num_cycles", "power", "lr_end", "timescale", "min_lr", "num_decay_steps", "warmup_type"]
        ),
        PLAIN,
        max_size=3,
    )
    | PLAIN,
    st.integers(-(2**63), 2**63 - 1),
)
@settings(max_examples=300)
def test_schedules(
    state: Mapping[str, object], arguments: Mapping[str, object], kind: object, options: object, total: int
) -> None:
    read = SchedulerState.parse(
        blob(make_torch({"base_lrs": [1e-4], "last_epoch": 3, **state}), "scheduler.pt")
    )
    trainer = TrainerState.parse(json_blob({"max_steps": total, "global_step": 3}, "trainer_state.json"))
    asked = {**arguments, "lr_scheduler_type": kind, "lr_scheduler_kwargs": options}
    told = describe_schedule(read, trainer, asked)
    assert told.says
    assert len(told.curve) <= 200
    assert len(told.kind or "") <= 100


@given(
    st.dictionaries(st.sampled_from(["scale", "growth_interval", "_growth_tracker"]), NUMBERS),
    st.integers(0, 2**62),
)
@settings(max_examples=100)
def test_scalers(state: Mapping[str, object], steps: int) -> None:
    read = ScalerState.parse(blob(make_torch({"scale": 65536.0, **state}), "scaler.pt"))
    assert describe_scaler(read, steps).says


@given(
    st.binary(max_size=40) | st.binary(min_size=5056, max_size=5056),
    st.tuples(st.text(max_size=7), PLAIN, PLAIN, PLAIN, PLAIN) | PLAIN,
    st.lists(st.integers(-(2**70), 2**70), max_size=3),
)
@settings(max_examples=100)
def test_generators(cpu: bytes, of_numpy: object, seeds: list[int]) -> None:
    value = {"cpu": Tensor(list(cpu), (len(cpu),), "uint8"), "numpy": of_numpy, "python": None}
    read = RngState.parse(blob(make_torch(value), "rng_state.pth"))
    assert len(describe_generators([read], seeds, most_refills=3).ranks[0].generators) == 3
