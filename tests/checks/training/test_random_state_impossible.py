import random
import struct

import numpy
import pytest

from auditor.compare import mersenne
from tests.builders.pickles import Tensor, cpu_state, make_torch, numpy_array
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "random-state-impossible"
FILE = "checkpoint-18/rng_state.pth"
BOTH = ["checkpoint-9/rng_state.pth", FILE]


def rng(python: object = None, numpy_state: object = None, cpu: bytes = b"") -> dict[str, bytes]:
    """Generators right after seeding with 42, but for those that are given."""
    cpu = cpu or cpu_state(42)
    state: dict[str, object] = {
        "python": python or random.Random(42).getstate(),
        "numpy": numpy_state or legacy(numpy.random.RandomState(42)),
        "cpu": Tensor(cpu, (len(cpu),), "uint8"),
    }
    return {FILE: make_torch(state)}


def legacy(generator: numpy.random.RandomState, **more: object) -> tuple[object, ...]:
    """NumPy's own state as it is pickled, with other counters."""
    known = generator.get_state(legacy=False)
    assert isinstance(known, dict)
    keys = numpy_array(known["state"]["key"].astype("<u4").tobytes(), "u4", (624,))
    parts = {"pos": known["state"]["pos"], "has_gauss": known["has_gauss"], "gauss": known["gauss"], **more}
    return ("MT19937", keys, parts["pos"], parts["has_gauss"], parts["gauss"])


def drawn(count: int) -> random.Random:
    """Python's own generator after some numbers."""
    generator = random.Random(42)
    for _ in range(count):
        generator.getrandbits(32)
    return generator


@pytest.mark.parametrize("count", [0, 1, 623, 624, 625, 10_000])
def test_passes_what_python_itself_makes(count: int) -> None:
    assert found(RULE, healthy(data=rng(drawn(count).getstate()))) == []


def test_passes_other_seeds_and_states_far_from_them() -> None:
    assert found(RULE, healthy(data=rng(random.Random(7).getstate()))) == []
    assert found(RULE, healthy(data=rng(drawn(30_000).getstate()))) == []
    far = numpy.random.RandomState(42)
    far.bytes(4 * 7_000_000)
    assert found(RULE, healthy(data=rng(numpy_state=legacy(far)))) == []


def test_passes_numpy_with_and_without_a_cached_number() -> None:
    generator = numpy.random.RandomState(42)
    for _ in range(3):
        generator.standard_normal()
        assert found(RULE, healthy(data=rng(numpy_state=legacy(generator)))) == []


def test_the_words_are_those_of_python_and_numpy() -> None:
    assert mersenne.seeded_by_python(42) == random.Random(42).getstate()[1][:624]
    keys = numpy.random.RandomState(42).get_state(legacy=False)["state"]["key"]
    assert mersenne.seeded(42) == tuple(keys.tolist())
    # One number drawn replaces all words at once.
    assert mersenne.refilled(mersenne.seeded_by_python(42)) == drawn(1).getstate()[1][:624]


def test_fails_for_one_word() -> None:
    version, words, gauss = drawn(1_000).getstate()
    edited = (version, (*words[:7], words[7] ^ 1, *words[8:]), gauss)
    # 1,000 numbers are 624 and 376: the second refill.
    assert found(RULE, healthy(data=rng(edited))) == [
        finding(
            RULE,
            ERROR,
            f"the state of the python generator in {FILE} is no state of a Mersenne Twister: 1 of 624 words differ",
            FILE,
            "python",
            expected="the words 2 refills after seed 42",
            observed="1 of 624 words differ",
        )
    ]


@pytest.mark.parametrize("numbers", [5_000, 100_000, 2_000_000])
def test_fails_for_one_word_far_from_the_seed(numbers: int) -> None:
    """torch's words are NumPy's, seeded alike; a run on the CPU draws millions."""
    generator = numpy.random.RandomState(42)
    generator.bytes(4 * numbers)
    inner = generator.get_state(legacy=False)["state"]
    words, position = inner["key"].tolist(), inner["pos"]
    head = struct.pack("<Qiiq", 42, 625 - position, 1, position)
    good = head + struct.pack("<624Q", *words) + bytes(5056 - len(head) - 624 * 8)
    assert found(RULE, healthy(data=rng(cpu=good))) == []
    (only,) = found(RULE, healthy(data=rng(cpu=good[:40] + bytes([good[40] ^ 1]) + good[41:])))
    assert only.expected == f"the words {-(-numbers // 624)} refills after seed 42"
    assert only.observed == "1 of 624 words differ"


def test_fails_for_counters() -> None:
    version, words, gauss = random.Random(42).getstate()
    (only,) = found(RULE, healthy(data=rng((version, (*words[:624], 600), gauss))))
    assert only.observed == "words of seed 42 untouched, and numbers drawn"
    (only,) = found(RULE, healthy(data=rng((version, (*words[:624], 700), gauss))))
    assert only.observed == "its position is 700"
    (only,) = found(RULE, healthy(data=rng(numpy_state=legacy(numpy.random.RandomState(42), has_gauss=1))))
    assert only.observed == "has_gauss is 1 and it caches 0"


def test_fails_for_torch_s_counters_and_words() -> None:
    good = cpu_state(42)
    for offset, observed in ((8, "left is 2, next 0, seeded 1"), (12, "left is 1, next 0, seeded 2")):
        bad = good[:offset] + bytes([good[offset] + 1]) + good[offset + 1 :]
        (only,) = found(RULE, healthy(data=rng(cpu=bad)))
        assert only.observed == observed
    (only,) = found(RULE, healthy(data=rng(cpu=struct.pack("<Q", 43) + good[8:])))
    assert (only.expected, only.observed) == ("the seed 42, which these words come from", "the seed 43")


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/rng_state.pth was not read: unfetched"]
    empty = make_torch({"cpu": Tensor([0.0], (1,))})
    assert reasons(RULE, healthy(data=dict.fromkeys(BOTH, empty))) == [
        f"{path} holds no generator of a known layout" for path in BOTH
    ]
