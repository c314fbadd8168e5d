"""The same modules under the names that wrappers, PEFT releases, kohya's scripts and diffusers give them."""

from collections.abc import Callable

import numpy
import pytest

from auditor.compare._names import matched
from auditor.model import AdapterComparison
from tests.builders.adapters import Array, P, factors, named, set_against

SIDE = named({"model.layers.0.self_attn.q_proj": factors(1), "model.layers.1.mlp.up_proj": factors(2)})


def rewritten(change: Callable[[str], str]) -> dict[str, Array]:
    return {change(name): array for name, array in SIDE.items()}


DIALECTS: dict[str, Callable[[str], str]] = {
    "no prefix": lambda name: name.removeprefix(P),
    "adapter's name": lambda name: name.replace(".weight", ".default.weight"),
    "compiled": lambda name: name.replace(P, f"{P}_orig_mod."),
    "compiled whole": lambda name: f"_orig_mod.{name}",
    "compiled layers": lambda name: name.replace("self_attn", "_orig_mod.self_attn").replace(
        "mlp", "_orig_mod.mlp"
    ),
    "data parallel": lambda name: f"module.{name}",
    "data parallel inside": lambda name: name.replace(P, f"{P}module."),
    "sharded": lambda name: name.replace("self_attn", "_fsdp_wrapped_module.self_attn").replace(
        "mlp", "_fsdp_wrapped_module.mlp"
    ),
    "diffusers": lambda name: (
        name.replace(P, "unet.")
        .replace("lora_A.weight", "lora.down.weight")
        .replace("lora_B.weight", "lora.up.weight")
    ),
    "kohya": lambda name: (
        "lora_unet_"
        + name.removeprefix(P).replace(".lora_A.weight", "").replace(".lora_B.weight", "").replace(".", "_")
        + (".lora_down.weight" if "lora_A" in name else ".lora_up.weight")
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_rename_is_told_and_no_difference(dialect: str) -> None:
    renamed = rewritten(DIALECTS[dialect])
    assert not set(renamed) & set(SIDE)
    for found in (set_against(SIDE, renamed), set_against(renamed, SIDE)):
        assert (found.relation, found.relative_distance, found.renamed) == ("identical", 0.0, 4)
        assert found.sentence == "identical; 4 names differ, same modules"
        assert len(found.modules) == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_rename_hides_no_difference(dialect: str) -> None:
    changed = {
        name: array * (1 + 1e-5 * ("mlp" in name and "lora_B" in name)) for name, array in SIDE.items()
    }
    found = set_against(SIDE, {DIALECTS[dialect](name): array for name, array in changed.items()})
    assert (found.relation, found.renamed) == ("different", 4)
    assert found.farthest is not None
    assert found.farthest.module == "model.layers.1.mlp.up_proj"
    assert found.farthest.relative_distance == pytest.approx(1e-5, rel=1e-4)


def test_names_before_and_after_the_parts_of_models_that_see_moved() -> None:
    """gemma-3 in transformers 4.51 and 4.52: the text tower, the tower that sees, the projector, the head."""
    moved = {
        "language_model.model.layers.0.self_attn.q_proj": "model.language_model.layers.0.self_attn.q_proj",
        "vision_tower.encoder.layers.0.mlp.fc1": "model.vision_tower.encoder.layers.0.mlp.fc1",
        "multi_modal_projector.linear": "model.multi_modal_projector.linear",
        "language_model.lm_head": "lm_head",
    }
    sides = [named({name: factors(n) for n, name in enumerate(names)}) for names in (moved, moved.values())]
    for one, two in (sides, sides[::-1]):
        found = set_against(one, two)
        assert (found.relation, found.renamed, len(found.modules)) == ("identical", 8, 4)
    # Both names on one side are two modules, and neither is taken for the other's.
    both = {**sides[0], **sides[1]}
    assert set_against(both, sides[1]).relation == "subset"


def kohya(alpha: float | None) -> AdapterComparison:
    """The base scales by 8/4 = 2; kohya's files hold alpha beside each module and scale by alpha/rank."""
    side = rewritten(DIALECTS["kohya"])
    for name in tuple(side):
        if alpha is not None and name.endswith("lora_up.weight"):
            side[name.replace("lora_up.weight", "alpha")] = numpy.array(alpha)
    return set_against(SIDE, side)


def test_the_alpha_of_kohyas_files_is_their_scaling() -> None:
    assert kohya(8.0).relation == "identical"
    assert kohya(None).relation == "identical"
    found = kohya(4.0)
    assert (found.relation, found.scale) == ("scaled", 0.5)
    broken = kohya(float("nan"))
    assert broken.relation == "not comparable"
    assert broken.uncompared[0].why == (
        "head/adapter_model.safetensors does not tell the scaling of lora_unet_model_layers_0_self_attn_q_proj"
    )


def test_tensors_outside_lora_are_matched_too() -> None:
    one, two = {**SIDE, f"{P}score.weight": numpy.ones(3)}, {**SIDE, "score.weight": numpy.ones(3)}
    assert set_against(one, two).relation == "identical"
    assert set_against(one, {**SIDE, "score.weight": numpy.zeros(3)}).relation == "different"


def test_settings_by_module_reach_renamed_modules() -> None:
    renamed = rewritten(DIALECTS["compiled"])
    settings = {
        "r": 8,
        "rank_pattern": {"self_attn.q_proj": 4, "mlp.up_proj": 4},
        "alpha_pattern": {"up_proj": 4},
    }
    assert set_against(SIDE, renamed, settings, settings).relation == "identical"


def test_names_are_paired_only_without_doubt() -> None:
    """Equal names first; two names of one side that mean the same stay alone."""
    pairs = matched(("q", "module.q", "v"), ("q", "_orig_mod.q", "module.v"))
    assert [(m.base, m.head) for m in pairs] == [("q", "q"), ("module.q", "_orig_mod.q"), ("v", "module.v")]
    doubtful = matched(("module.q", "_orig_mod.q"), ("q",))
    assert [(m.base, m.head) for m in doubtful] == [("module.q", None), ("_orig_mod.q", None), (None, "q")]


def test_dots_are_told_from_underscores_where_both_sides_have_them() -> None:
    pairs = matched(("module.a.b_c", "module.a_b.c"), ("a_b.c", "a.b_c"))
    assert [(m.base, m.head) for m in pairs] == [("module.a.b_c", "a.b_c"), ("module.a_b.c", "a_b.c")]


def test_different_modules_are_not_taken_for_renamed() -> None:
    found = set_against(named({"a.q": factors(1)}), named({"b.q": factors(1)}))
    assert (found.relation, found.renamed, len(found.modules)) == ("different", 0, 2)
