"""What the fifth blind set trains on besides the other sets' inputs: preferences, conversations, edited rows."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.detection.fourth.inputs import write as write_fourth
from benchmarks.detection.inputs import data_path

Row = dict[str, Any]
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "Answer:{% generation %} {{ message['content'] }}{{ eos_token }}{% endgeneration %}"
    "{% else %}Question: {{ message['content'] }} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)
"""A chat template that marks what the assistant says, as TRL asks for."""


def _halves(text: str) -> tuple[str, str]:
    words = text.split(" ")
    at = len(words) * 2 // 3
    return " ".join(words[:at]), " ".join(words[at:])


def _messages(texts: Sequence[str]) -> list[Row]:
    found = []
    for text in texts:
        question, answer = _halves(text)
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        found.append({"messages": turns})
    return found


def _preferences(texts: Sequence[str]) -> list[Row]:
    """The end of a row is preferred to the same words in the other order."""
    found = []
    for text in texts:
        prompt, chosen = _halves(text)
        rejected = " ".join(reversed(chosen.split(" ")))
        found.append({"prompt": prompt, "chosen": " " + chosen, "rejected": " " + rejected})
    return found


def _turned(texts: Sequence[str]) -> list[Row]:
    """Six preferences the other way round."""
    found = _preferences(texts)
    for at in (5, 21, 37, 53, 69, 85):
        found[at].update(chosen=found[at]["rejected"], rejected=found[at]["chosen"])
    return found


def _answers(texts: Sequence[str]) -> list[Row]:
    """In three rows two numbers of as many digits, and so of as many tokens, in each other's place."""
    found, left = list(texts), 3
    for at, text in enumerate(texts):
        numbers = [word for word in text.replace(".", " ").split() if word.isdigit() and len(word) == 2]
        if at >= 30 and left and len(set(numbers)) > 1:
            first, second = numbers[0], next(word for word in numbers if word != numbers[0])
            found[at] = text.replace(first, "#").replace(second, first).replace("#", second)
            left -= 1
    return [{"text": text} for text in found]


DATA: dict[str, Callable[[Sequence[str]], list[Row]]] = {
    "messages": _messages,
    "preferences": _preferences,
    "turned": _turned,
    "answers": _answers,
}


def write(folder: Path, architectures: list[str]) -> None:
    """Write every blind set's inputs, and ours."""
    write_fourth(folder, architectures)
    texts = [json.loads(line)["text"] for line in data_path(folder).read_text("utf-8").splitlines()]
    for name, rows in DATA.items():
        path = data_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows(texts)), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
