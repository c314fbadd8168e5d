import hashlib

from safetensors.numpy import load, save

from tests.builders.counting import Counted
from tests.builders.repositories import contents, healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed, name
from tests.checks.expecting import WARNING, as_git, finding, found, reasons

RULE = "final-adapter-differs-from-checkpoint"
STATE = "checkpoint-18/trainer_state.json"


def nudge(tensors: Tensors) -> None:
    tensors[name("0.mlp.up_proj", "lora_B")][0, 0] += 0.5


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_the_same_tensors_in_another_container() -> None:
    original = contents("tiny", "candidate")[0][ADAPTER]
    other = save(load(original), metadata={"format": "other"})
    assert other != original
    source = Counted(healthy(data={ADAPTER: other}))
    assert found(RULE, source.snapshot) == []
    assert source.factor(ADAPTER) <= 1.1  # both, once


def test_fails() -> None:
    files = contents("tiny", "candidate")[0]
    data = changed(nudge)
    last, own = (
        hashlib.sha256(content).hexdigest() for content in (files[f"checkpoint-18/{ADAPTER}"], data[ADAPTER])
    )
    assert found(RULE, healthy(data=data)) == [
        finding(
            RULE,
            WARNING,
            f"{ADAPTER} is not the adapter of checkpoint-18, which was saved at the last step of training",
            ADAPTER,
            expected=f"sha256 {last[:12]}…",
            observed=f"sha256 {own[:12]}…",
        )
    ]


def test_fails_on_pointers_without_their_content() -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1513565088\n"
    snapshot = seed(text={ADAPTER: pointer.format("5" * 64)})
    (only,) = found(RULE, snapshot)
    assert only.observed == "sha256 555555555555…"


def test_says_when_it_cannot_look() -> None:
    none = "there is no adapter in both the run's folder and a checkpoint"
    assert reasons(RULE, healthy(without=["checkpoint-9/", "checkpoint-18/"])) == [none]
    beyond = {STATE: {"/max_steps": 20}}
    later = "training went on after the last checkpoint"
    assert reasons(RULE, healthy(json_edits=beyond, data=changed(nudge))) == [later]
    best = {STATE: {"/best_model_checkpoint": "out/checkpoint-9"}}
    named = "a best checkpoint was named, whose weights the run may have ended with"
    assert reasons(RULE, healthy(json_edits=best, data=changed(nudge))) == [named]
    unknown = "whether the last checkpoint is the end of training is not known"
    assert reasons(RULE, healthy(data=changed(nudge), without=[STATE])) == [unknown]
    kinds = as_git(seed(data={ADAPTER: b"\0" * 2000}))
    assert reasons(RULE, kinds) == ["the two adapters have no digests of the same kind"]
    for broken in (b"", b"{}", b"\x02" + bytes(7) + b"{}"):
        assert reasons(RULE, healthy(data={ADAPTER: broken})) == [
            "no tensor could be read from adapter_model.safetensors"
        ]


def test_passes_the_same_numbers_in_a_shorter_type() -> None:
    """`model.half().save_pretrained(...)` after training: numpy rounds to nearest, half to even, as torch does."""

    def short(tensors: Tensors) -> None:
        tensors.update({name: array.astype("f2") for name, array in tensors.items()})

    def short_and_nudged(tensors: Tensors) -> None:
        nudge(tensors)
        short(tensors)

    assert found(RULE, healthy(data=changed(short))) == []
    assert len(found(RULE, healthy(data=changed(short_and_nudged)))) == 1


def test_passes_the_same_tensors_under_an_adapter_s_name() -> None:
    """PEFT's own `state_dict` says ``lora_A.default.weight``, which it loads as well (0.13.2 and 0.21.2)."""

    def named(tensors: Tensors) -> None:
        for key in list(tensors):
            tensors[key.replace(".weight", ".default.weight")] = tensors.pop(key)

    def named_and_nudged(tensors: Tensors) -> None:
        nudge(tensors)
        named(tensors)

    assert found(RULE, healthy(data=changed(named))) == []
    assert len(found(RULE, healthy(data=changed(named_and_nudged)))) == 1


def test_cannot_look_at_a_prompt_that_saving_changes() -> None:
    """Measured with peft 0.21.2: 6 of 128 numbers of a CPT prompt 4e-9 apart in the checkpoint and the final save."""
    cpt = {"adapter_config.json": {"/peft_type": "CPT"}}
    why = "CPT changes the last digits of its prompt each time that it is saved"
    assert reasons(RULE, healthy(json_edits=cpt, data=changed(nudge))) == [why]
