import json

import pytest

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "section-names-other-model"
CARD = "# Submissions\n\nSome words.\n\n## Sums SFT 120B\n\n{line}\n\n| a | b |\n"


def with_line(line: str, bases: tuple[str, ...] = ("acme/oss-120b-bf16", "acme/oss-20b")) -> Snapshot:
    files = {
        f"a{number}/adapter_config.json": json.dumps(
            {"peft_type": "LORA", "r": 8, "base_model_name_or_path": base}
        ).encode()
        for number, base in enumerate(bases)
    }
    return memory_snapshot("x", {**files, "README.md": CARD.format(line=line).encode()})


@pytest.mark.parametrize(
    "line",
    [
        "Fine-tuned OSS 120B for sums.",
        "Fine-tuned OSS for sums. 20,000 rows.",
        "Fine-tuned OSS 20B for sums.",
        "Compared with Other 70B, it is better.",
        "Fine-tuned with the data of Other 70B.",
    ],
)
def test_passes(line: str) -> None:
    assert found(RULE, with_line(line)) == []


def test_passes_when_an_adapter_is_of_the_sentence_s_size() -> None:
    assert found(RULE, with_line("Fine-tuned Other 70B for sums.", ("a/x-120b", "b/y-70b"))) == []


def test_fails() -> None:
    assert found(RULE, with_line("Fine-tuned Other 3.3 70B for sums. 20,000 rows.")) == [
        finding(
            RULE,
            WARNING,
            'the section "Sums SFT 120B" says that Other 3.3 70B was fine-tuned, and no adapter here is of that size',
            "README.md",
            "Sums SFT 120B",
            expected="the model of the heading, which an adapter here is made for",
            observed="Other 3.3 70B",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, with_line("Fine-tuned Other 70B for sums.", ("acme/oss",))) == [
        "no adapter of the repository names a base with its size"
    ]
