"""Every optimizer whose state is written afresh: trained on from a checkpoint, it ends in the same bits.

The uninterrupted training is where every expected number comes from. All optimizers of bitsandbytes run on a CPU in its
release 0.50; paged ones keep their states in ordinary memory there. `test_resumed_optimizers_gpu` trains all names.
"""

import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.rerun.judging import moments
from auditor.rerun.judging.gaps import Gap, Pair
from auditor.rerun.judging.states_gap import optimizer_gap
from auditor.rerun.planning import methods, resume, stored
from auditor.sources import directory
from tests.rerun import resumed

pytestmark = [pytest.mark.rerun]
NAMES = (
    *("adamw_torch_fused", "sgd-momentum", "adagrad", "rmsprop-centered", "adafactor"),
    *("paged_adamw_32bit", "adamw_bnb_8bit", "paged_lion_8bit", "ademamix_8bit"),
)
OF_TRL = tuple(resumed.OF_TRL) if importlib.util.find_spec("trl") is not None else ()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> resumed.Trained:
    return resumed.both(tmp_path_factory.mktemp("optimizers"), (*NAMES, *resumed.OF_MODELS, *OF_TRL), "cpu")


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_ends_in_the_bits_of_the_whole(trained: resumed.Trained, name: str) -> None:
    resumed.assert_same_bits(trained, name)
    assert ("uint8" in resumed.types(trained.end(name))) == name.endswith("8bit")
    gap = gap_of(trained, name, f"{name}-on")
    assert (gap.same, gap.distance) == (True, 0.0)


@pytest.mark.parametrize("name", resumed.OF_MODELS)
def test_a_full_fine_tune_goes_on_from_a_checkpoint_too(trained: resumed.Trained, name: str) -> None:
    resumed.assert_same_bits(trained, name)
    weights = methods.model_files(trained.end(f"{name}-on"))
    kept = "BF16" if name == "full-bfloat16" else "F32"
    assert {info.dtype for item in weights for info in item.tensors.values()} == {kept}


@pytest.mark.skipif(not OF_TRL, reason="TRL is not installed")
@pytest.mark.parametrize("name", resumed.OF_TRL)
def test_trls_trainers_go_on_from_a_checkpoint_too(trained: resumed.Trained, name: str) -> None:
    """In the type the adapter began in, which loading it again raises to float32."""
    resumed.assert_same_bits(trained, name)
    weights = trained.end(f"{name}-on").one(AdapterWeights)
    assert weights is not None
    kept = "BF16" if name == "sft-int4" else "F32"
    assert {info.dtype for info in weights.tensors.values()} == {kept}


@pytest.mark.parametrize("name", NAMES)
def test_a_state_names_its_optimizer(trained: resumed.Trained, name: str) -> None:
    """A paged optimizer keeps what others keep; the state says nothing else wrong."""
    made = resumed.settings_of(name)
    state = trained.end(name).one(OptimizerState)
    assert state is not None
    found = stored.told(state)
    assert found["learning_rate"] == made["learning_rate"]
    assert found["weight_decay"] == made["weight_decay"]
    told = {"paged_adamw_8bit": "adamw_bnb_8bit", "paged_lion_8bit": "lion_8bit"}
    assert found["optim"] == told.get(name, made["optim"])


def gap_of(trained: resumed.Trained, one: str, two: str) -> Gap:
    """The optimizer's aspect of two trainings after their last step."""
    contents = trained.run(one).contents
    found = optimizer_gap(Pair("", resumed.END, trained.end(one), trained.end(two), contents))
    assert found is not None
    return found


def test_moments_that_began_at_zero_lie_apart(trained: resumed.Trained) -> None:
    gap = gap_of(trained, NAMES[0], "forgotten")
    assert not gap.same
    assert gap.distance is not None
    assert 0 < gap.distance < math.inf


@pytest.mark.parametrize("kind", ["AdamW8bit", "AdEMAMix8bit"])
def test_moments_in_bytes_are_those_that_bitsandbytes_decodes(kind: str, tmp_path: Path) -> None:
    """5,010 elements: nineteen whole blocks and one of 146."""
    import torch
    from bitsandbytes import functional, optim

    torch.manual_seed(3)
    parameter = torch.nn.Parameter(torch.randn(501, 10))
    optimizer = getattr(optim, kind)([parameter])
    for _ in range(2):
        parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    kept = OptimizerState.parse(directory.snapshot(tmp_path).files["optimizer.pt"])
    (entry,) = kept.entries
    assert moments.names(entry) == ("state1", "state2")
    state = optimizer.state[parameter]
    for number in "12":
        rows = state[f"state{number}"].reshape(-1, 501, 10)
        factors, table = state[f"absmax{number}"].reshape(len(rows), -1), state[f"qmap{number}"]
        decoded = [
            functional.dequantize_blockwise(
                row.contiguous(), absmax=factors[at].contiguous(), code=table, blocksize=256
            )
            for at, row in enumerate(rows)
        ]
        expected = torch.cat([item.ravel() for item in decoded]).numpy()
        assert moments.values(kept, entry, f"state{number}").tobytes() == expected.tobytes()


def test_the_state_decides_the_bits_and_the_recipe_its_settings(trained: resumed.Trained) -> None:
    """Without moments another training follows; a stated rate stands above that of the file, an assumed one below."""
    whole = resumed.adapter(trained.end(NAMES[0]))
    forgotten, stated, assumed = (resumed.adapter(trained.end(name)) for name in resumed.VARIED)
    assert forgotten != whole
    assert stated != whole
    assert assumed == whole


def test_the_state_of_another_optimizer_is_not_gone_on_from(trained: resumed.Trained) -> None:
    run = trained.run("adamw_bnb_8bit")
    (folder,) = [item for item in run.checkpoints if item.step == resumed.HALF]
    assert resume.why_not(run, folder, "paged_adamw_8bit") is None
    assert resume.why_not(run, folder, "adamw_torch") == (
        "the optimizer's state of checkpoint-3 is that of bitsandbytes, the recipe's optimizer is adamw_torch"
    )
    run = trained.run("sgd-momentum")
    (folder,) = [item for item in run.checkpoints if item.step == resumed.HALF]
    assert resume.why_not(run, folder, "OptimizerNames.ADAFACTOR") == (
        "the optimizer's state of checkpoint-3 is that of SGD with momentum, the recipe's optimizer is ADAFACTOR"
    )


@pytest.mark.parametrize(
    ("key", "edit", "says"),
    [
        (
            "absmax1",
            lambda value: value[:3],
            "absmax1 of parameter 0 is float32 of shape [3] in the committed optimizer, not float32 of shape [20]",
        ),
        (
            "qmap2",
            lambda value: value[:255],
            "qmap2 of parameter 0 is float32 of shape [255] in the committed optimizer, not float32 of shape [256]",
        ),
        (
            "state1",
            lambda value: value[:16],
            (
                "state1 of parameter 0 is uint8 of shape [16, 160] in the committed optimizer, "
                "not uint8 of shape [32, 160]"
            ),
        ),
        (
            "state2",
            lambda value: value.float(),
            (
                "state2 of parameter 0 is float32 of shape [32, 160] in the committed optimizer, "
                "not uint8 of shape [32, 160]"
            ),
        ),
        ("absmax2", None, "the committed optimizer has no absmax2 for parameter 0"),
    ],
)
def test_a_state_that_does_not_fit_never_reaches_a_kernel(key: str, edit: Any, says: str) -> None:
    """5,120 elements in blocks of 256 have 20 factors; bitsandbytes' kernels take addresses and check nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TOKENIZERS_PARALLELISM"):
            patch.setenv(name, "1")  # set again by the child's own imports, and taken back here
        from auditor.rerun.child import moments
        from auditor.rerun.child.job import JobError
    import torch
    from bitsandbytes.optim import AdamW8bit

    parameter = torch.nn.Parameter(torch.ones(32, 160))
    optimizer = AdamW8bit([parameter])
    parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moments.require_fit(optimizer)
    if edit is None:
        del optimizer.state[parameter][key]
    else:
        optimizer.state[parameter][key] = edit(optimizer.state[parameter][key])
    with pytest.raises(JobError) as raised:
        moments.require_fit(optimizer)
    assert str(raised.value) == says
