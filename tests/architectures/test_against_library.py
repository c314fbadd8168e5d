"""Every known model type against the classes of transformers, built on the meta device.

The records beside this file were written by `python -m tests.architectures.library` in environments of the releases in
their names; the tests marked ``rerun`` build the classes of the installed release anew.
"""

import json
import pkgutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import auditor.architectures as package
from auditor.architectures._structure import Structure, structures
from auditor.artifacts.base_config import BaseConfig
from tests.architectures import library
from tests.architectures.cases import CASES, UNTIED_T5

RELEASES = ("4.46.3", "4.51.3", "4.57.6", "5.23.0")
OURS = ("linear", "conv1d", "embedding")
RECORDS: dict[str, dict[str, list[Any]]] = {
    release: json.loads((Path(__file__).parent / f"built-{release}.json").read_text()) for release in RELEASES
}


def known(case: str) -> tuple[Structure, ...]:
    cls, raw = CASES[case]
    found = structures(BaseConfig.of("config.json", {"architectures": [cls], **raw}))
    assert not isinstance(found, str), found
    return found


def rows(structure: Structure) -> list[library.Row]:
    named = (module for module in structure.modules if module.kind in OURS)
    return sorted((m.name, m.kind, m.in_features, m.out_features, m.bias) for m in named)


GENERATIONS = {
    "4.50 to 4.51": ("4.51.3",),
    "4.52 to 4.57": ("4.57.6",),
    "4.51 and older": ("4.46.3", "4.51.3"),
    "4.52 and newer": ("4.57.6", "5.23.0"),
    "4": ("4.46.3", "4.51.3", "4.57.6"),
    "5": ("5.23.0",),
}


def of_release(found: tuple[Structure, ...], release: str) -> Structure:
    """The structure whose generation covers a release."""
    if len(found) == 1:
        return found[0]
    (one,) = (structure for structure in found if release in GENERATIONS[structure.generation])
    return one


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("case", CASES)
def test_modules_and_counts_are_those_each_release_built(case: str, release: str) -> None:
    record = RECORDS[release].get(case)
    if record is None or (case in UNTIED_T5 and release.startswith("5")):
        pytest.skip("the release has no such class, or ties a new model of it")
    structure = of_release(known(case), release)
    assert [library.digest(rows(structure)), structure.total, structure.non_embedding] == record[:3]
    assert structure.main_input == record[3]


def test_every_model_type_has_two_configurations() -> None:
    types = [info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")]
    cased = [str(raw["model_type"]).replace("-", "_") for _, raw in CASES.values()]
    # Gemma 3n with its towers cannot be built here (timm); its language model is gemma3n_text.
    assert {name for name in types if cased.count(name) < 2} == {"gemma3n"}


def test_every_case_was_built_by_some_release_of_each_line_that_has_it() -> None:
    assert set(RECORDS["5.23.0"]) == set(CASES)
    assert len(RECORDS["4.46.3"]) >= 60


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_modules_and_counts_are_those_of_the_installed_class(case: str) -> None:
    if case in UNTIED_T5:
        pytest.skip("transformers 5 ties a model built from a configuration")
    cls, raw = CASES[case]
    model, structure = library.built(raw, cls), known(case)[-1]
    assert rows(structure) == library.rows(model)
    assert (structure.total, structure.non_embedding) == library.counts(model)


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_modules_stand_in_the_order_of_the_installed_class(case: str) -> None:
    """named_modules() is the order of an optimizer's parameters, and of the draws of PEFT's initialisation."""
    if case in UNTIED_T5:
        pytest.skip("transformers 5 ties a model built from a configuration")
    if case in ("xlm-roberta, token", "xlm-roberta, sequence"):
        pytest.skip("transformers 5 builds the classifier before the encoder, 4 behind it")
    cls, raw = CASES[case]
    names = [module.name for module in known(case)[-1].linears]
    built = [name for name, _ in library.built(raw, cls).named_modules() if name in set(names)]
    assert names == built


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_total_flos_is_six_times_inputs_times_parameters(case: str) -> None:
    import torch
    import transformers

    if case in UNTIED_T5:
        pytest.skip("transformers 5 ties a model built from a configuration")
    cls, raw = CASES[case]
    model, structure = library.built(raw, cls), known(case)[-1]
    trainer: Any = SimpleNamespace(model=model)
    inputs = {structure.main_input: torch.zeros(2, 3, 5)}
    counted = transformers.Trainer.floating_point_ops(trainer, inputs)
    assert counted == 6 * 30 * structure.non_embedding


@pytest.mark.rerun
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", ["gpt2", "bert, trunk", "gemma3n_text", "qwen3_moe, one dense layer"])
def test_a_changed_width_is_seen(case: str) -> None:
    """The comparison above can fail: one more unit somewhere gives another model."""
    cls, raw = CASES[case]
    key = next(k for k in ("intermediate_size", "n_embd") if k in raw)
    model = library.built({**raw, key: raw[key] + 4}, cls)
    structure = known(case)[-1]
    assert rows(structure) != library.rows(model)
    assert structure.total != library.counts(model)[0]
