"""The card offers the adapter for another task than it was trained for.

`pipeline_tag` decides which widget and which pipeline hubs show (huggingface_hub 2.4.0, repocard_data.py). A
classifier's adapter (`task_type` SEQ_CLS, peft 0.21.2, utils/peft_types.py) in a text-generation pipeline loads
without its head and writes text.

Wrong when: a classifier is used as a scorer inside a generating program, and the card means that.

Fix: write the pipeline of the adapter's own task.

Bad:
    adapter_config.json: /task_type = "SEQ_CLS"

Good:
    adapter_config.json: /task_type = "SEQ_CLS"
    README.md: "pipeline_tag: text-generation" -> "pipeline_tag: text-classification"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.NOTE

_GENERATING = frozenset(
    {"text-generation", "text2text-generation", "image-text-to-text", "summarization", "translation"}
)
_READING = frozenset({"text-classification", "token-classification", "question-answering", "fill-mask"})
_TASKS = {
    "SEQ_CLS": (_GENERATING | {"token-classification", "question-answering"}, "text-classification"),
    "TOKEN_CLS": (_GENERATING | {"question-answering"}, "token-classification"),
    "QUESTION_ANS": (_GENERATING, "question-answering"),
    "SEQ_2_SEQ_LM": (_READING | {"text-generation"}, "text2text-generation"),
}
"""Task type -> pipelines that cannot serve it, and one that can. Causal models are used for everything."""


def check(card: ModelCard, config: AdapterConfig) -> Iterator[Problem | Skip]:
    """Only pairs that exclude each other."""
    wrong, right = _TASKS.get(config.task_type or "", (frozenset(), ""))
    if card.pipeline_tag is None or not right:
        yield Skip("the card names no pipeline, or the adapter no task that needs one of its own")
    elif card.pipeline_tag in wrong:
        yield Problem(
            f"pipeline_tag is {card.pipeline_tag}, and the adapter's task_type is {config.task_type}",
            card.at("pipeline_tag"),
            expected=right,
            observed=card.pipeline_tag,
        )
