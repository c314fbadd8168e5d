"""What an inspection says of folders made in code; numbers against dense float64 products."""

import math
from collections.abc import Mapping

import numpy
import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.engine.inspect import InspectOptions, inspect
from auditor.model.inspection import AdapterInspection, Inspection, RunInspection
from auditor.sources.directory import memory_snapshot
from tests.builders import adapter_folders as made
from tests.builders.pickles import make_optimizer
from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.builders.safetensors import make_adapter, make_arrays

Files = Mapping[str, bytes]


def look(files: Files, **options: object) -> Inspection:
    return inspect(made.snapshot(files), InspectOptions(**options))  # type: ignore[arg-type]


def run_of(files: Files, **options: object) -> RunInspection:
    (run,) = look(files, **options).runs
    return run


def adapter_of(files: Files, **options: object) -> AdapterInspection:
    adapter = run_of(files, **options).adapter
    assert adapter is not None
    return adapter


def test_numbers_of_every_module_are_those_of_the_dense_product() -> None:
    """Norm and singular values by numpy.linalg on (alpha/r) B A in float64; effective rank by Roy and Vetterli."""
    factors = made.factors(1)
    adapter = adapter_of(made.folder(factors))
    dense = made.dense(factors)
    assert [module.module for module in adapter.modules] == list(factors)
    for module in adapter.modules:
        product = dense[module.module]
        values = numpy.linalg.svd(product, compute_uv=False)[: made.RANK]
        shares = values / values.sum()
        assert module.norm == pytest.approx(numpy.linalg.norm(product), rel=1e-12)
        assert module.spectrum == pytest.approx(values, rel=1e-9)
        assert module.effective_rank == pytest.approx(math.exp(-(shares * numpy.log(shares)).sum()), rel=1e-9)
        assert module.largest_a == float(numpy.abs(factors[module.module][0]).max())
        assert module.largest_b == float(numpy.abs(factors[module.module][1]).max())
        assert (module.shape, module.rank, module.scaling) == ((12, 10), 4, 2.0)
        assert (module.conditions, module.why) == ((), None)
    whole = math.sqrt(sum(float((product**2).sum()) for product in dense.values()))
    assert adapter.norm == pytest.approx(whole, rel=1e-12)


def test_a_module_is_named_by_group_layer_and_kind() -> None:
    adapter = adapter_of(made.folder(made.factors(1, ["model.layers.2.mlp.up_proj", "lm_head"])))
    first, second = adapter.modules
    assert (first.group, first.layer, first.kind) == ("model.layers", 2, "mlp.up_proj")
    assert (second.group, second.layer, second.kind) == ("", None, "lm_head")


def test_facts_of_the_honest_run() -> None:
    """The tiny fixture: recipe and sizes as fixtures/tiny declares them (r 8, alpha 16, 18 steps, seed 42)."""
    (run,) = inspect(healthy()).runs
    assert run.adapter is not None
    assert (run.platform, run.base) == ("cheetah", "tiny-labs/tiny-gemma3")
    assert run.adapter.ranks == (8,)
    assert len(run.adapter.modules) == 14
    assert run.adapter.parameters == sum(module.parameters for module in run.adapter.modules)
    assert [row.step for row in run.steps] == [9, 18, 18]
    assert [row.seed for row in run.steps] == [42, 42, None]
    assert [item.comparison.relation for item in run.relations] == ["different", "identical"]
    assert [curve.tag for curve in run.curves][:3] == ["loss", "learning_rate", "grad_norm"]
    assert run.training_args["seed"] == 42


def test_one_table_over_a_hundred_checkpoints() -> None:
    """B grows evenly, so step k has k/100 of the last norm and lies 1/k of itself from the one before."""
    run = run_of(made.run(100, layers=1))
    rows = run.steps
    assert [row.step for row in rows] == [*range(1, 101), None]
    last = rows[-2].norm
    assert last is not None
    for row in rows[:100]:
        assert row.step is not None
        assert row.norm == pytest.approx(last * row.step / 100, rel=1e-6)
        assert row.loss == pytest.approx(10 / (row.step + 1))
        assert row.change == (None if row.step == 1 else pytest.approx(1 / row.step, rel=1e-5))
    assert {row.relation for row in rows[1:100]} == {"scaled"}
    assert rows[-1].relation == "identical"


def test_nothing_at_all() -> None:
    found = look({})
    assert (found.runs, found.unread) == ((), ())


def test_a_configuration_alone() -> None:
    adapter = adapter_of({"adapter_config.json": made.config()})
    assert (adapter.path, adapter.modules, adapter.norm) == (None, (), None)
    assert adapter.why == "no weights lie beside it"
    assert adapter.settings is not None
    assert adapter.settings.target_modules == ("down_proj", "q_proj", "v_proj")


def test_weights_alone_are_measured_without_their_scale() -> None:
    factors = made.factors(1)
    adapter = adapter_of({"adapter_model.safetensors": make_adapter(factors)})
    assert adapter.settings is None
    module = adapter.modules[0]
    product = made.dense(factors, scaling=1.0)[module.module]
    assert module.scaling is None
    assert module.norm == pytest.approx(numpy.linalg.norm(product), rel=1e-12)
    assert adapter.why == "there is no readable adapter_config.json, so the scaling is not known"


def test_pointers_are_not_read_and_say_so() -> None:
    files = {"adapter_config.json": made.config(), "adapter_model.safetensors": made.pointer(1_234_567)}
    found = look(files)
    (run,) = found.runs
    assert run.adapter is not None
    assert (run.adapter.bytes, run.adapter.parameters, run.adapter.norm) == (1_234_567, None, None)
    assert run.adapter.identity == f"sha256:{'a' * 64}"
    assert "not fetched" in str(run.adapter.why)
    assert [item.path for item in found.unread] == ["adapter_model.safetensors"]


def test_equal_pointers_are_identical_without_their_content() -> None:
    (run,) = inspect(seed()).runs
    assert [item.says for item in run.relations] == ["identical"]
    assert [row.change for row in run.steps] == [None, 0.0]


def test_several_runs_stand_beside_each_other() -> None:
    found = look({**made.run(2, "one", seed=1), **made.run(3, "two", seed=2)})
    assert [run.path for run in found.runs] == ["one", "two"]
    assert [len(run.steps) for run in found.runs] == [3, 4]


def test_states_without_a_run_are_shown() -> None:
    (run,) = look({"sub/optimizer.pt": make_optimizer([(4, 10)], step=7.0)}).runs
    (state,) = run.states
    assert run.path == "sub"
    assert state.optimizer is not None
    assert (state.optimizer.kind, state.optimizer.steps) == ("adamw", ((7.0, 1),))


def test_weights_of_a_model_are_listed_and_not_measured() -> None:
    data = make_arrays({"embed.weight": numpy.zeros((5, 3), numpy.float32)})
    adapter = adapter_of({"model.safetensors": data})
    assert (adapter.kind, adapter.parameters, adapter.modules) == ("model", 15, ())
    assert [(t.name, t.dtype, t.shape, t.bytes) for t in adapter.tensors] == [
        ("embed.weight", "F32", (5, 3), 60)
    ]
    assert "listed, not measured" in str(adapter.why)


def test_without_numbers_no_value_is_read() -> None:
    """Every byte behind the header is replaced by NaN, and nothing notices."""
    files = made.folder(made.factors(1))
    data = files["adapter_model.safetensors"]
    header = 8 + int.from_bytes(data[:8], "little")
    spoiled = {**files, "adapter_model.safetensors": data[:header] + b"\xff" * (len(data) - header)}
    adapter = adapter_of(spoiled, numbers=False)
    assert adapter == adapter_of(spoiled, numbers=False)
    assert {module.norm for module in adapter.modules} == {None}
    assert {module.why for module in adapter.modules} == {
        "the values of the tensors were not read (--no-numbers)"
    }
    assert all(module.has("not finite") for module in adapter_of(spoiled).modules)


def test_nan_missing_and_not_computed_are_three_things() -> None:
    factors = made.factors(1)
    factors["model.layers.0.mlp.down_proj"][1][2, 3] = numpy.nan
    del factors["model.layers.1.self_attn.v_proj"]
    by_name = {module.module: module for module in adapter_of(made.folder(factors)).modules}
    bad = by_name["model.layers.0.mlp.down_proj"]
    assert bad.norm is not None
    assert math.isnan(bad.norm)
    assert [(c.word, c.says) for c in bad.conditions] == [("not finite", "the factors hold 1 NaN")]
    gone = by_name["model.layers.1.self_attn.v_proj"]
    assert (gone.norm, gone.rank, gone.shape) == (None, None, None)
    assert gone.has("missing")
    assert gone.why == "the file holds no tensors"
    good = by_name["model.layers.2.self_attn.v_proj"]
    assert good.norm == pytest.approx(numpy.linalg.norm(made.dense(factors)[good.module]))
    assert good.conditions == ()


def test_a_module_that_some_layers_lack_by_design_is_not_missing() -> None:
    """Hybrid models have attention in a quarter of their layers."""
    names = [f"model.layers.{layer}.mlp.down_proj" for layer in range(8)]
    names += [f"model.layers.{layer}.self_attn.q_proj" for layer in (0, 4)]
    adapter = adapter_of(made.folder(made.factors(1, names)))
    assert len(adapter.modules) == 10


def test_dead_duplicate_and_exploded_modules_are_named() -> None:
    factors = made.factors(1)
    names = list(factors)
    factors[names[0]] = (factors[names[0]][0], numpy.zeros_like(factors[names[0]][1]))
    factors[names[2]] = factors[names[1]]
    factors[names[3]] = (factors[names[3]][0], factors[names[3]][1] * numpy.float32(1e4))
    by_name = {module.module: module for module in adapter_of(made.folder(factors)).modules}
    words = {name: [c.word for c in by_name[name].conditions] for name in names}
    assert words[names[0]] == ["dead"]
    assert words[names[1]] == words[names[2]] == ["duplicate"]
    assert words[names[3]] == ["exploded"]
    assert [name for name in names[4:] if words[name]] == []
    assert names[2] in by_name[names[1]].conditions[0].says


@pytest.mark.parametrize(("outputs", "words"), [(15, []), (16, ["duplicate"])])
def test_few_equal_numbers_are_chance(outputs: int, words: list[str]) -> None:
    generator = numpy.random.default_rng(3)
    column = generator.standard_normal((outputs, 1)).astype("f4")
    factors = {
        f"model.layers.{layer}.mlp.down_proj": (generator.standard_normal((1, 8)).astype("f4"), column)
        for layer in range(2)
    }
    for module in adapter_of(made.folder(factors, r=1)).modules:
        assert [condition.word for condition in module.conditions] == words


def test_a_module_with_ranks_that_do_nothing_is_half_trained() -> None:
    """Two columns of lora_B are zero, so B A has two singular values less than its rank."""
    factors = made.factors(1)
    names = list(factors)
    b = factors[names[0]][1].copy()
    rank = b.shape[1]
    b[:, :2] = 0
    factors[names[0]] = (factors[names[0]][0], b)
    by_name = {module.module: module for module in adapter_of(made.folder(factors)).modules}
    (condition,) = by_name[names[0]].conditions
    assert (condition.word, condition.says) == (
        "half-trained",
        f"2 of {rank} ranks do nothing, as if they had never been trained",
    )
    assert [name for name in names[1:] if by_name[name].conditions] == []


def test_half_a_module_is_incomplete() -> None:
    (module,) = made.modules(1, ["q_proj"])
    array = numpy.ones((4, 10), numpy.float32)
    data = make_arrays({f"base_model.model.{module}.lora_A.weight": array})
    (found,) = adapter_of({"adapter_config.json": made.config(), "adapter_model.safetensors": data}).modules
    assert [c.word for c in found.conditions] == ["incomplete"]
    assert found.norm is None
    assert found.why is not None


def test_the_missing_are_told_from_a_known_base() -> None:
    """The tiny base has two layers of seven targeted modules; one is taken out of the file."""
    snapshot = healthy()
    weights = AdapterWeights.parse(snapshot.files["adapter_model.safetensors"])
    gone = "model.language_model.layers.1.self_attn.k_proj"
    kept = {name: weights.array(name) for name in weights.tensors if f"{gone}." not in name}
    data = {
        "adapter_config.json": snapshot.files["adapter_config.json"].read(),
        "adapter_model.safetensors": make_arrays(kept),
        "config.json": (TINY_BASE / "config.json").read_bytes(),
    }
    (run,) = inspect(memory_snapshot("x", data)).runs
    assert run.base_source == "repository"
    assert run.adapter is not None
    (missing,) = run.adapter.with_condition("missing")
    assert missing.layer == 1
    assert missing.kind == "self_attn.k_proj"


def test_progress_counts_the_bytes_of_the_weights() -> None:
    told: list[tuple[int, int, str]] = []
    files = made.run(3)
    look(files, progress=lambda done, total, what: told.append((done, total, what)))
    sizes = [len(data) for name, data in files.items() if name.endswith(".safetensors")]
    sizes += [len(data) for name, data in files.items() if name.endswith("optimizer.pt")]
    steps = [done for done, _, _ in told]
    assert steps == sorted(set(steps))
    assert len(steps) >= len(sizes)
    assert steps[-1] == sum(sizes)
    assert {total for _, total, _ in told} == {sum(sizes)}


def test_moments_are_norms_over_all_parameters() -> None:
    """Two parameters of 40 and 48 elements, each element of exp_avg 3 and of exp_avg_sq 2: 3 sqrt(88), 2 sqrt(88)."""
    data = make_optimizer([(4, 10), (12, 4)], moments=lambda _, name: 3.0 if name == "exp_avg" else 2.0)
    (state,) = run_of({"optimizer.pt": data}).states
    assert state.optimizer is not None
    assert state.optimizer.first_moment == pytest.approx(3 * math.sqrt(88))
    assert state.optimizer.second_moment == pytest.approx(2 * math.sqrt(88))
    assert [p.moments["exp_avg"] for p in state.optimizer.by_parameter] == pytest.approx(
        [3 * math.sqrt(40), 3 * math.sqrt(48)]
    )
    (unmeasured,) = run_of({"optimizer.pt": data}, numbers=False).states
    assert unmeasured.optimizer is not None
    assert unmeasured.optimizer.first_moment is None
    assert unmeasured.optimizer.why == "the values of the tensors were not read (--no-numbers)"


def test_only_the_last_state_is_told_parameter_by_parameter() -> None:
    states = run_of(made.run(3, layers=1)).states
    told = [len(state.optimizer.by_parameter) for state in states if state.optimizer is not None]
    assert told == [0, 0, 2]


def test_an_adapter_under_another_name_is_measured() -> None:
    factors = made.factors(1)
    adapter = adapter_of({"pytorch_lora_weights.safetensors": make_adapter(factors)})
    assert (adapter.kind, adapter.path) == ("adapter", "pytorch_lora_weights.safetensors")
    norms = [numpy.linalg.norm(update) for update in made.dense(factors, scaling=1.0).values()]
    assert [module.norm for module in adapter.modules] == pytest.approx(norms)
    assert {module.scaling for module in adapter.modules} == {None}
