from auditor.checks.tokenizer._tokens import reserved_pad
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "pad-token-is-eos"
MAP = "special_tokens_map.json"
CONFIG = "tokenizer_config.json"
SAYS = 'pad_token is "<eos>", which is also eos_token'


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_in_both_folders() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            SAYS,
            path,
            "/pad_token",
            expected="<pad>",
            observed="<eos>",
            evidence=(
                "the vocabulary reserves <pad>",
                "pad_token is a bare string where eos_token is an object: it was assigned in Python",
            ),
        )
        for path in (MAP, f"checkpoint-450/{MAP}")
    ]


def test_fails_as_a_note_where_nothing_is_reserved() -> None:
    # The honest tokenizer_config lists no added tokens, so no other token can be told to be meant for padding.
    assert found(RULE, healthy(json_edits={CONFIG: {"/pad_token": "<eos>"}})) == [
        finding(RULE, NOTE, SAYS, CONFIG, "/pad_token", observed="<eos>")
    ]


def test_fails_as_a_note_where_trl_pads_the_labels() -> None:
    read, _ = contents("seed", "caost-test-2")
    card = read["README.md"].decode() + "\n### Framework versions\n\n- TRL: 0.17.0\n- PEFT 0.13.2\n"
    root, checkpoint = found(RULE, seed(text={"README.md": card}))
    assert root.severity is NOTE
    assert root.evidence[-1] == "TRL 0.17.0 pads the labels itself"
    assert checkpoint.severity is WARNING


def test_a_vocabulary_reserves_known_names_only() -> None:
    assert reserved_pad(["<bos>", "[PAD]"]) == "[PAD]"
    assert reserved_pad(["<bos>", "<|endoftext|>"]) is None


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no tokenizer_config.json is in the repository"]


def test_a_token_that_the_base_itself_does_not_pad_with_is_none() -> None:
    """Llama 3.1's vocabulary has one, and its tokenizer_config.json names no pad_token."""
    assert reserved_pad(["<|begin_of_text|>", "<|finetune_right_pad_id|>"]) is None


def test_fails_as_a_note_where_preferences_were_trained() -> None:
    """Old releases of TRL gave plain arguments to DPO; its log keys tell."""
    rows = [{"step": 50, "loss": 0.6, "rewards/chosen": 0.5}]
    edits: dict[str, dict[str, object]] = {"checkpoint-450/trainer_state.json": {"/log_history": rows}}
    items = found(RULE, seed(json_edits=edits))
    assert [(item.severity, item.evidence[-1]) for item in items] == [(NOTE, "DPO pads labels by length")] * 2
