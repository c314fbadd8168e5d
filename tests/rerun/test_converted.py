"""Published adapters that were written anew after the training, and what a rerun refuses to make."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from auditor.claims import build
from auditor.model import RerunResult, Verdict
from auditor.rerun.judging.scale import to_committed
from auditor.rerun.judging.verdict import judge
from auditor.rerun.planning import plan as planning
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

ROOT = "adapter_model.safetensors"


def folded(factor: float) -> v.Files:
    """The published adapter with lora_alpha twice as large, and lora_B half as large times a factor."""
    files = v.with_json(
        v.committed(),
        "adapter_config.json",
        lambda config: config.update(lora_alpha=config["lora_alpha"] * 2),
    )

    def halved(name: str, array: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = array * array.dtype.type(factor / 2 if "lora_B" in name else 1)
        return made

    return {**files, ROOT: v.with_tensors(files[ROOT], halved)}


def judged(files: v.Files) -> RerunResult:
    run = v.run_of(files)
    ledger = build(run)
    return judge(run, ledger, planning.build(run, ledger, TINY_BASE, v.DATA), v.outputs())


def test_a_recipe_is_what_the_checkpoints_were_trained_with() -> None:
    run = v.run_of(folded(1.0))
    setting = planning.build(run, build(run), TINY_BASE, v.DATA).settings["lora_alpha"]
    own = json.loads(v.committed()["checkpoint-18/adapter_config.json"])["lora_alpha"]
    assert (setting.value, setting.source) == (own, "checkpoint-18/adapter_config.json#/lora_alpha")


@pytest.mark.parametrize(("factor", "expected"), [(1.0, Verdict.EQUIVALENT), (1.03, Verdict.DIVERGED)])
def test_a_folded_alpha_is_judged_by_what_the_adapter_does(factor: float, expected: Verdict) -> None:
    weights = {item.at: item for item in judged(folded(factor)).aspects if item.aspect == "weights"}
    assert weights[ROOT].verdict is expected
    assert "by 4, the recipe by 2" in weights[ROOT].why
    assert weights["checkpoint-18/adapter_model.safetensors"].verdict is Verdict.IDENTICAL


def test_a_scale_alone_is_another_adapter() -> None:
    files = v.with_json(
        v.committed(),
        "adapter_config.json",
        lambda config: config.update(lora_alpha=config["lora_alpha"] * 2),
    )
    assert judged(files).verdict is Verdict.DIVERGED


@pytest.mark.parametrize("folder", ["", "checkpoint-9/"])
@pytest.mark.parametrize(
    ("edit", "scale"),
    [({"r": 4}, "4"), ({"r": 16}, "1"), ({"lora_alpha": math.inf}, "inf"), ({"lora_alpha": None}, "nan")],
    ids=["a rank that the tensors lack", "another", "an endless scale", "no scale"],
)
def test_a_scale_of_which_no_update_follows_is_another_adapter(
    folder: str, edit: dict[str, object], scale: str
) -> None:
    """The fixture's 16 / 8 is 2; its tensors have rank 8, and PEFT loads none of them by another."""
    result = judged(
        v.with_json(v.committed(), f"{folder}adapter_config.json", lambda config: config.update(edit))
    )
    (weights,) = (item for item in result.aspects if (item.aspect, item.at) == ("weights", folder + ROOT))
    assert (weights.verdict, weights.distance) == (Verdict.DIVERGED, math.inf)
    assert f"by {scale}, the recipe by 2; " in weights.why
    assert result.verdict is Verdict.DIVERGED


def test_checkpoints_that_disagree_speak_for_nothing() -> None:
    files = v.with_json(folded(1.0), "checkpoint-9/adapter_config.json", lambda c: c.update(lora_alpha=3))
    run = v.run_of(files)
    setting = planning.build(run, build(run), TINY_BASE, v.DATA).settings["lora_alpha"]
    assert setting.source == "adapter_config.json#/lora_alpha"


@pytest.mark.parametrize(("factor", "expected"), [(1.0, Verdict.EQUIVALENT), (1.01, Verdict.DIVERGED)])
def test_an_adapter_made_for_the_plain_base_is_measured_from_the_beginning(
    factor: float, expected: Verdict
) -> None:
    """PEFT's conversion: lora_A of the training above that of its beginning, lora_B beside the beginning's negated."""
    files, begun = v.committed(), load(v.committed()["checkpoint-9/" + ROOT])
    pissa = [path for path in files if path.endswith("adapter_config.json")]
    ours = dict(files)
    for path in pissa:
        ours = v.with_json(ours, path, lambda config: config.update(init_lora_weights="pissa"))
    files = {
        **ours,
        "adapter_config.json": v.with_json(
            files, "adapter_config.json", lambda c: c.update(r=c["r"] * 2, lora_alpha=c["lora_alpha"] * 2)
        )["adapter_config.json"],
    }
    values = {}
    for name, array in load(files[ROOT]).items():
        is_a = "lora_A" in name
        own = array if is_a else array * numpy.float32(factor)
        parts = [own, begun[name] if is_a else -begun[name]]
        values[name] = numpy.ascontiguousarray(numpy.concatenate(parts, axis=0 if is_a else 1))
    files[ROOT] = save(values, {"format": "pt"})
    # what the rerun left before its first step stands in `init`
    ours |= {"init/" + name: ours["checkpoint-9/" + name] for name in v.ADAPTER}
    run = v.run_of(files)
    ledger = build(run)
    plan = planning.build(run, ledger, TINY_BASE, v.DATA)
    assert (plan.settings["init_lora_weights"].value, plan.settings["r"].value) == ("pissa", 8)
    result = judge(run, ledger, plan, v.outputs(ours))
    (root,) = (item for item in result.aspects if (item.aspect, item.at) == ("weights", ROOT))
    assert root.verdict is expected
    assert root.why.startswith(
        "it was converted for the plain base (adapter_config.json: r = 16); the effective"
    )
    # Without the last checkpoint the published adapter alone is of the last step, and a search measures it as well.
    alone = v.run_of(v.without(files, "checkpoint-18"))
    assert to_committed(alone, plan, v.output(ours)) == root.distance


def obstacles(files: Mapping[str, bytes]) -> tuple[str, ...]:
    run = v.run_of(dict(files))
    return planning.build(run, build(run), TINY_BASE, v.DATA).obstacles


@pytest.mark.parametrize(
    ("rows", "refused"), [(450, True), (448, False)]
)  # fixtures/tiny_base.py: VOCABULARY = 448
def test_embeddings_of_more_tokens_are_refused(rows: int, refused: bool) -> None:
    files = v.committed()
    name = "base_model.model.lm_head.weight"
    files[ROOT] = save({**load(files[ROOT]), name: numpy.zeros((rows, 64), "f4")}, {"format": "pt"})
    says = (
        f"{name} has {rows} rows in the committed adapter, and the base given 448 tokens: the script gave its "
        "tokenizer others, which a rerun does not do"
    )
    assert [told for told in obstacles(files) if "tokenizer" in told] == ([says] if refused else [])


def test_a_rate_that_follows_from_evaluations_is_refused() -> None:
    made = make_training_args(
        {"lr_scheduler_type": "reduce_lr_on_plateau"}, "transformers.training_args.TrainingArguments"
    )
    files = v.committed()
    files |= {path: made for path in files if path.endswith("training_args.bin")}
    says = (
        "training_args.bin#lr_scheduler_type is reduce_lr_on_plateau: its rate follows from evaluations, which a "
        "rerun does not make"
    )
    assert says in obstacles(files)


@pytest.mark.rerun
def test_a_base_in_4_bits_that_was_evaluated_is_not_kept() -> None:
    from auditor.rerun.child.base_model import Base
    from auditor.rerun.child.job import Settings

    class Model:
        def unload(self) -> "Model":
            return self

    evaluated: dict[str, object] = {"3": 1}
    bases = Base()
    for quantization, evaluations, kept in (
        ("int4", evaluated, False),
        ("int4", {}, True),
        (None, evaluated, True),
    ):
        bases._key = ("a base",)
        bases.take_back(Model(), Settings(quantization=quantization, evaluations=evaluations))
        assert (bases._key is not None) is kept
