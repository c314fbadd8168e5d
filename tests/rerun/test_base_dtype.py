"""In which number type a base was loaded: as files say, as untrained modules show, and what is tried else."""

from typing import Any

import numpy
import pytest

from auditor.claims import build
from auditor.compare.initial import held_in
from auditor.model import RerunPlan, Setting
from auditor.rerun.judging.gaps import Pair
from auditor.rerun.judging.weights_gap import init_gap
from auditor.rerun.planning import base_dtype
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.base_dtype import CAST, KEY, NOT_CAST
from tests.builders.drawn import MODULES, Factors, adapter, adapter_file, factors, trained
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

WEIGHTS = "adapter_model.safetensors"


def plain() -> v.Files:
    """The fixture without its event file."""
    return v.without(v.committed(), v.event_path())


def plan(files: v.Files) -> RerunPlan:
    run = v.run_of(files)
    return planning.build(run, build(run), TINY_BASE, v.DATA)


def mixed(short: str, amount: int = 3) -> Factors:
    """Trained modules, but for the first few, which hold what was drawn, rounded to a shorter type."""
    drawn = factors(42)
    found = dict(trained(drawn, 0.2))
    for name, _, _ in MODULES[:amount]:
        a, b = drawn[name]
        found[name] = (rounded(a, short), b)
    return found


def rounded(values: Any, short: str) -> Any:
    """To float16 by NumPy, to bfloat16 by torch's rule in integers: half of the cut part, ties to even."""
    if short == "F16":
        return values.astype(numpy.float16).astype(numpy.float32)
    bits = values.view(numpy.uint32).astype(numpy.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(numpy.uint32).view(numpy.float32)


def with_weights(files: v.Files, found: Factors) -> v.Files:
    return {**files, WEIGHTS: adapter_file(found)}


def test_the_event_file_says_it() -> None:
    made = plan(v.committed())
    setting = made.settings[KEY]
    assert (setting.value, setting.assumed) == ("float32", False)
    assert setting.source.endswith("#model_config/dtype")
    assert CAST not in made.settings, "a quantised base is not cast"


@pytest.mark.parametrize(("short", "word"), [("BF16", "bfloat16"), ("F16", "float16")])
def test_modules_that_never_trained_show_it(short: str, word: str) -> None:
    weights, _ = adapter(mixed(short))
    assert held_in(weights).count(short) == 3
    found = base_dtype.of_base(v.run_of(with_weights(plain(), mixed(short))), False)
    says = f"3 of 14 lora_A in {WEIGHTS} hold numbers of that type, as PEFT leaves them on such a base"
    assert found == {KEY: Setting(word, says, assumed=True), CAST: NOT_CAST}


def test_a_model_that_was_cast_later_keeps_the_word_it_was_loaded_with() -> None:
    """The fixture's event file says float32."""
    run = v.run_of(with_weights(v.committed(), mixed("BF16")))
    found = base_dtype.of_base(run, False)
    assert (found[KEY].value, found[CAST].value, found[CAST].assumed) == ("float32", "bfloat16", True)
    assert [
        dict(item.changes) for item in base_dtype.readings(run, {**found, "quantization": Setting(None, "x")})
    ] == [{KEY: "bfloat16", CAST: None}]


def test_an_adapter_that_was_rounded_as_a_whole_shows_nothing() -> None:
    whole = {name: (rounded(a, "BF16"), b) for name, (a, b) in trained(factors(42), 0.2).items()}
    assert base_dtype.of_base(v.run_of(with_weights(plain(), whole)), False)[KEY] == base_dtype.AUTO
    assert (
        base_dtype.of_base(v.run_of(with_weights(plain(), trained(factors(42), 0.2))), False)[KEY]
        == base_dtype.AUTO
    )


def test_other_ways_to_load_are_readings() -> None:
    run = v.run_of(plain())
    known = {**base_dtype.of_base(run, False), "quantization": Setting(None, "x")}
    found = list(base_dtype.readings(run, known))
    # The fixture's base is stored in float32.
    assert [dict(item.changes) for item in found] == [{CAST: "bfloat16"}, {KEY: "bfloat16", CAST: None}]
    assert [item.says for item in found] == [
        "cast_to = bfloat16: no file says how the base was loaded",
        "dtype = bfloat16: no file says how the base was loaded",
    ]
    assert all(item.open for item in found)
    assert list(base_dtype.readings(run, {**known, "quantization": Setting("int4", "x")})) == []
    short = {**known, KEY: Setting("bfloat16", "an event file")}
    assert [dict(item.changes) for item in base_dtype.readings(run, short)] == [
        {KEY: "float32", CAST: "bfloat16"}
    ]


@pytest.mark.parametrize("short", ["BF16", "F16", "F32"])
def test_untouched_values_are_held_against_the_draws_as_that_base_rounds_them(short: str) -> None:
    drawn = factors(42)
    theirs = dict(drawn) if short == "F32" else {n: (rounded(a, short), b) for n, (a, b) in drawn.items()}
    made = v.output({**v.committed(), WEIGHTS: adapter_file(drawn)})
    run = v.run_of(with_weights(plain(), theirs))
    (gap,) = init_gap(run, Pair("adapter", 18, run.root, made.at(""), run.contents), made)
    assert gap.says == "14 of 14 untouched lora_A are bit-equal to those drawn from the declared seed"
    assert (gap.same, gap.distance) == (True, 0.0)
