"""What old releases need: patches apply inside their range alone, and a renamed base is found again."""

import re
from types import SimpleNamespace

import pytest

from auditor.rerun.child import patches
from auditor.rerun.child.patches import PATCHES, Patch, apply, inputs_of_zeros, key_mapping


def patch(done: list[str], library: str = "numpy", first: str = "0.0.0", last: str = "99.0.0") -> Patch:
    return Patch("one", library, first, last, "because", lambda: done.append("mended"))


@pytest.mark.parametrize(
    ("release", "fits"),
    [
        ("4.37.2", False),
        ("4.38.0", True),
        ("4.51.3", True),
        ("4.51.3.dev0", True),
        ("4.57.6", True),
        ("5.0.0", False),
        ("5.23.0", False),
        (None, False),
    ],
)
def test_the_check_of_the_machine_is_dropped_in_transformers_4_alone(release: str | None, fits: bool) -> None:
    (found,) = [item for item in PATCHES if item.name == "quantise-on-cpu"]
    assert found.fits(release) is fits


def test_every_patch_says_why_and_for_which_releases() -> None:
    for item in PATCHES:
        assert item.why
        assert patches.numbers(item.first) <= patches.numbers(item.last)
    assert len({item.name for item in PATCHES}) == len(PATCHES)


def test_a_patch_is_applied_and_named() -> None:
    done: list[str] = []
    assert apply([patch(done)]) == ("one",)
    assert done == ["mended"]


@pytest.mark.parametrize("other", [{"library": "no-such-library"}, {"last": "0.0.1"}])
def test_a_patch_for_others_is_left_alone(other: dict[str, str]) -> None:
    done: list[str] = []
    assert apply([patch(done, **other)]) == ()
    assert done == []


@pytest.mark.parametrize(
    ("own", "prefix"),
    [
        ({}, ""),
        # transformers 4.57.3, models/gemma3/modeling_gemma3.py, Gemma3ForConditionalGeneration.
        ({"^language_model.model": "model.language_model", "^vision_tower": "model.vision_tower"}, "model."),
    ],
)
def test_a_tower_without_its_inner_module_is_found_again(own: dict[str, str], prefix: str) -> None:
    wanted = f"{prefix}vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight"
    saved = "vision_tower.encoder.layers.0.mlp.fc1.weight"
    mapping = key_mapping([saved, "lm_head.weight"], [wanted], own)
    assert renamed(saved, mapping) == wanted
    assert renamed("language_model.model.norm.weight", mapping) == (
        "model.language_model.norm.weight" if own else "language_model.model.norm.weight"
    )


def renamed(name: str, mapping: dict[str, str]) -> str:
    """As `_get_key_renaming_mapping` does (transformers 4.51.3, modeling_utils.py): the first pattern that matches."""
    for pattern, replacement in mapping.items():
        name, count = re.subn(pattern, replacement, name)
        if count:
            break
    return name


@pytest.mark.parametrize(
    ("saved", "wanted"),
    [
        ([], ["vision_tower.vision_model.a"]),
        (["language_model.model.norm.weight"], ["vision_tower.vision_model.a"]),
        (["vision_tower.vision_model.a"], ["vision_tower.vision_model.a"]),
        (["vision_tower.a"], ["model.vision_tower.a"]),
    ],
)
def test_names_that_the_release_knows_are_left_alone(saved: list[str], wanted: list[str]) -> None:
    assert key_mapping(saved, wanted, {"^a": "b"}) == {}


@pytest.mark.parametrize(
    ("release", "model_type", "asked"),
    [
        ("5.0.0", "gemma3", ("token_type_ids",)),
        ("5.5.4", "gemma3", ("token_type_ids",)),
        ("5.6.0", "gemma3", ()),
        ("4.57.6", "gemma3", ()),
        ("5.0.0", "llama", ()),
        (None, "gemma3", ()),
    ],
)
def test_gemma_3_is_told_that_there_is_no_image_where_it_asks(
    monkeypatch: pytest.MonkeyPatch, release: str | None, model_type: str, asked: tuple[str, ...]
) -> None:
    monkeypatch.setattr(patches, "installed", lambda _: release)
    assert inputs_of_zeros(model_type) == asked


@pytest.mark.parametrize(
    ("release", "devices", "kept"),
    [
        ("0.33.0", {"": "cpu"}, False),
        ("1.0.1", {"": "cpu"}, True),
        ("0.33.0", {"": 0}, True),
        ("0.33.0", {"a": 0, "b": "cpu"}, True),
        ("0.33.0", None, False),
    ],
)
def test_a_map_of_the_cpu_alone_is_taken_off_for_old_accelerate(
    monkeypatch: pytest.MonkeyPatch, release: str, devices: dict[str, object] | None, kept: bool
) -> None:
    monkeypatch.setattr(patches, "installed", lambda _: release)
    model = SimpleNamespace() if devices is None else SimpleNamespace(hf_device_map=devices)
    patches.place(model)
    assert hasattr(model, "hf_device_map") is kept
