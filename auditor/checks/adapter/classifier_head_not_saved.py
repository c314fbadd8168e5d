"""A classifier was fine-tuned and its head is in no file, so that loading starts it at random.

A fresh `...ForSequenceClassification` begins with a random head. PEFT trains and saves it when `task_type` says
SEQ_CLS or TOKEN_CLS, because that puts the head into `modules_to_save` (peft 0.21.2, peft_model.py,
`PeftModelForSequenceClassification`); with `task_type` null it stays frozen at its random numbers, and the adapter
learned to answer through a head that nobody else has.

Wrong when: the base model was already a trained classifier of the same labels, or the head is published elsewhere.

Fix: pass `task_type="SEQ_CLS"` (or `modules_to_save=["classifier"]`) to the PEFT configuration and train again, or
publish the head with the adapter.

Bad:
    adapter_config.json: /task_type = "SEQ_CLS"

Good:
    # as the trainer wrote it
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks.adapter._outside import HEAD_TASKS, HEADS, outside, own_parts, saved
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

_CLASS = re.compile(r"For(?:Sequence|Token|Image|Audio|Video)Classification$")
_TRAINED = re.compile(
    r"sst-?2|mnli|\bnli\b|snli|sentiment|emotion|toxic|finbert|\bner\b|conll|squad|rerank|cross-encoder|reward|imdb"
    r"|imagenet|in1k|\b(?:224|384)\b|superb",
    re.IGNORECASE,
)
"""Words in the names of published models whose heads are trained."""


def check(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    """Only where nothing promises a head: a promise that is not kept is the matter of another rule."""
    name = config.base_model_class or ""
    by_class = _CLASS.search(name) is not None
    if not config.is_peft or not weights.tensors or not (by_class or config.task_type in HEAD_TASKS):
        return
    if own_parts(config, weights) is None:
        yield Skip(f"the tensor names of {config.peft_type} are not known")
        return
    names = outside(config, weights)
    if config.modules_to_save or any(saved(names, head) for head in HEADS):
        return
    known = _TRAINED.search(config.base_model_name_or_path or "") is not None
    yield Problem(
        f"the model is a {name if by_class else config.task_type} and the adapter holds no tensor of its head"
        + ("" if known else ": whoever loads it gets a random one"),
        weights.at(),
        expected="the head's tensors, such as classifier.weight",
        observed=f"{len(weights.tensors)} tensors of {config.peft_type} and none besides"
        if not names
        else names[0],
        evidence=("`modules_to_save` is null",),
        severity=Severity.NOTE if known else None,
    )
