"""Adapters that lie in another folder on the other side: one digest, or the only ones without a counterpart."""

from auditor.compare.pairs import compare_adapters
from auditor.runs import Run, group, read
from auditor.sources.directory import memory_snapshot
from tests.rerun.variants import committed, scaled

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def side(**folders: bytes) -> tuple[Run, ...]:
    """A repository with an adapter in each folder; ``root`` is the root itself."""
    config = committed()[CONFIG]
    files: dict[str, bytes] = {}
    for folder, weights in folders.items():
        start = "" if folder == "root" else f"{folder}/"
        files |= {f"{start}{WEIGHTS}": weights, f"{start}{CONFIG}": config}
    return tuple(group(read(memory_snapshot("x", files))))


ONE = committed()[WEIGHTS]
OTHER = scaled(committed(), 0.5)[WEIGHTS]
EARLY = committed()[f"checkpoint-9/{WEIGHTS}"]


def compared(base: tuple[Run, ...], head: tuple[Run, ...]) -> list[tuple[str, str, str]]:
    found = compare_adapters(base, head)
    return sorted((item.base_path, item.head_path, item.relation) for item in found)


def test_an_adapter_in_another_folder_is_found_by_its_digest() -> None:
    base, head = side(a=ONE, b=OTHER, c=EARLY), side(c=EARLY, x=OTHER, y=ONE)
    assert compared(base, head) == [
        (f"a/{WEIGHTS}", f"y/{WEIGHTS}", "identical"),
        (f"b/{WEIGHTS}", f"x/{WEIGHTS}", "identical"),
        (f"c/{WEIGHTS}", f"c/{WEIGHTS}", "identical"),
    ]


def test_the_only_ones_without_a_counterpart_are_compared() -> None:
    assert compared(side(a=ONE, c=EARLY), side(c=EARLY, x=OTHER)) == [
        (f"a/{WEIGHTS}", f"x/{WEIGHTS}", "scaled"),
        (f"c/{WEIGHTS}", f"c/{WEIGHTS}", "identical"),
    ]
    assert compared(side(root=ONE), side(final=OTHER)) == [(WEIGHTS, f"final/{WEIGHTS}", "scaled")]


def test_of_several_changed_ones_none_is_guessed() -> None:
    assert compared(side(a=ONE, b=EARLY), side(x=OTHER, y=OTHER[:-4] + b"\0\0\0\0")) == []
    assert compared(side(a=ONE), side(a=ONE, x=OTHER)) == [(f"a/{WEIGHTS}", f"a/{WEIGHTS}", "identical")]


def test_an_adapter_that_left_its_run_is_found_where_it_went() -> None:
    """Checkpoints stay at the root, so that both sides have that run."""
    state = {"checkpoint-9/trainer_state.json": committed()["checkpoint-9/trainer_state.json"]}
    own = {WEIGHTS: ONE, CONFIG: committed()[CONFIG]}
    base = tuple(group(read(memory_snapshot("x", {**state, **own}))))
    moved = {f"final/{path}": data for path, data in own.items()}
    head = tuple(group(read(memory_snapshot("x", {**state, **moved}))))
    assert compared(base, head) == [(WEIGHTS, f"final/{WEIGHTS}", "identical")]


def test_an_adapter_and_a_whole_model_are_not_passed_over() -> None:
    state = {"trainer_state.json": committed()["trainer_state.json"]}
    adapter = tuple(group(read(memory_snapshot("x", {**state, WEIGHTS: ONE, CONFIG: committed()[CONFIG]}))))
    model = tuple(group(read(memory_snapshot("x", {**state, "model.safetensors": OTHER}))))
    for base, head, why in (
        (adapter, model, f"{WEIGHTS} is an adapter and model.safetensors a whole model"),
        (model, adapter, f"model.safetensors is a whole model and {WEIGHTS} an adapter"),
    ):
        (only,) = compare_adapters(base, head)
        assert (only.relation, only.why) == ("not comparable", why)
