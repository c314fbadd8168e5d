import hashlib
import json

from tests.builders.repositories import TINY_BASE, contents, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "tokenizer-differs-from-checkpoint"
CONFIG = "tokenizer_config.json"
DECLARED = "cheetah-fine-tuning-config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_paths_of_the_machine() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/is_local": False, "/name_or_path": "elsewhere"}})) == []


def test_fails_for_other_settings() -> None:
    edits: dict[str, object] = {"/eos_token": "<bos>", "/padding_side": "left"}
    assert found(RULE, healthy(json_edits={CONFIG: edits}, without=[DECLARED])) == [
        finding(
            RULE,
            WARNING,
            "tokenizer_config.json differs from checkpoint-18/tokenizer_config.json in eos_token and padding_side",
            CONFIG,
            expected='eos_token "<eos>"',
            observed='eos_token "<bos>"',
        )
    ]


def test_passes_what_is_reported_of_one_copy_alone() -> None:
    """A token that no piece of the vocabulary is, the other side of padding, other ids than the base's."""
    for place in (CONFIG, f"checkpoint-18/{CONFIG}"):
        for edit, rule in (
            ({"/eos_token": "<end>"}, "special-token-not-in-vocabulary"),
            ({"/padding_side": "left"}, "padding-side-differs"),
        ):
            edited = healthy(json_edits={place: edit})
            assert (found(RULE, edited), [item.at.path for item in found(rule, edited)]) == ([], [place])
    ids = healthy(json_edits={"tokenizer.json": {"/model/vocab/a": 447}})
    assert found(RULE, ids, base=TINY_BASE) == []
    assert len(found("tokenizer-differs-from-base", ids, base=TINY_BASE)) == 1
    assert [item.at.path for item in found(RULE, ids)] == ["tokenizer.json"]


def test_fails_for_what_else_differs_beside_a_token_that_is_reported() -> None:
    edits: dict[str, object] = {"/eos_token": "<end>", "/pad_token": "<bos>"}
    (only,) = found(RULE, healthy(json_edits={CONFIG: edits}))
    assert only.message == f"{CONFIG} differs from checkpoint-18/{CONFIG} in pad_token"


def test_fails_for_another_vocabulary() -> None:
    read, _ = contents("tiny", "candidate")
    other = read["tokenizer.json"].replace(b'"a":', b'"aaa":', 1)
    (only,) = found(RULE, healthy(data={"tokenizer.json": other}))
    assert only.message == "tokenizer.json differs from checkpoint-18/tokenizer.json in model.vocab"
    assert only.observed == f'sha256 "{hashlib.sha256(other).hexdigest()[:58]}…'


def test_fails_for_a_file_that_is_no_json_by_its_digest() -> None:
    (only,) = found(RULE, healthy(data={"tokenizer.json": b"["}))
    assert only.message == "tokenizer.json differs from checkpoint-18/tokenizer.json in sha256 and size"


def test_passes_another_layout_and_the_lengths_of_the_last_call() -> None:
    """tokenizers 0.23 writes merges as pairs, older releases as texts; an evaluation between two saves sets padding."""
    own = json.loads(contents("tiny", "candidate")[0]["tokenizer.json"])
    own["truncation"] = {"max_length": 8, "stride": 0, "strategy": "LongestFirst", "direction": "Right"}
    own["padding"] = {"strategy": "BatchLongest", "direction": "Right", "pad_id": 0}
    own["model"]["merges"] = [" ".join(pair) for pair in own["model"]["merges"]]
    assert found(RULE, healthy(text={"tokenizer.json": json.dumps(own)})) == []
    own["added_tokens"] = own["added_tokens"][:-1]
    (only,) = found(RULE, healthy(text={"tokenizer.json": json.dumps(own)}))
    assert only.message == "tokenizer.json differs from checkpoint-18/tokenizer.json in added_tokens"


def test_names_three_differences_and_counts_the_rest_when_it_fails() -> None:
    edits: dict[str, object] = {f"/{name}_token": "<bos>" for name in ("eos", "pad", "unk", "boi", "eoi")}
    (only,) = found(RULE, healthy(json_edits={CONFIG: edits}))
    assert only.message.endswith("in boi_token, eoi_token, eos_token and 2 more")


def test_fails_for_an_earlier_checkpoint() -> None:
    early = f"checkpoint-9/{CONFIG}"
    (only,) = found(RULE, healthy(json_edits={early: {"/padding_side": "left"}}, without=[DECLARED]))
    assert only.message == f"{early} differs from checkpoint-18/{CONFIG} in padding_side"


def test_fails_for_another_chat_template() -> None:
    same = {"chat_template.jinja": "{{ messages }}", "checkpoint-18/chat_template.jinja": "{{ messages }}\n"}
    assert found(RULE, healthy(text=same)) == []
    assert found(RULE, healthy(text={**same, "chat_template.jinja": "{{ messages[0] }}"})) == [
        finding(
            RULE,
            WARNING,
            "chat_template.jinja differs from the last checkpoint's chat template",
            "chat_template.jinja",
            expected="the checkpoint's template",
            observed="another text",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    gone = [CONFIG, "tokenizer.json", "checkpoint-9/"]
    assert reasons(RULE, healthy(without=gone)) == [
        "no tokenizer file is both in the run's folder and in a checkpoint"
    ]
