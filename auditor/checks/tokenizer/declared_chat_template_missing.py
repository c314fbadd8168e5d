"""The declared chat template is not the one that the tokenizer has.

A template's name stands for marks that its text must hold: ChatML writes `<|im_start|>`, Zephyr `<|user|>`,
Llama 3 `<|start_header_id|>`, Gemma `<start_of_turn>` (llamafactory 0.9.5, data/template.py). A tokenizer
without the declared marks was saved with another template, so users format conversations otherwise than the
training did.

Wrong when: the platform applies the template to the data only and leaves the tokenizer's alone.

Fix: save the tokenizer with the template that was trained with, or declare the one it has.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/chat_template = "chatml"
    chat_template.jinja: = "{{ '<start_of_turn>' + messages[0]['content'] }}"

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/chat_template = "chatml"
    chat_template.jinja: = "{{ '<|im_start|>' + messages[0]['content'] }}"
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks.tokenizer import _templates
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.WARNING

_MARKS = {
    "chatml": "<|im_start|>",
    "qwen": "<|im_start|>",
    "zephyr": "<|user|>",
    "llama3": "<|start_header_id|>",
    "gemma": "<start_of_turn>",
    "mistral": "[INST]",
    "llama2": "[INST]",
    "vicuna": "USER:",
    "alpaca": "### Instruction",
}
"""Template names of AutoTrain 0.8.36 (trainers/clm/params.py) and LLaMA-Factory 0.9 (data/template.py), with a text
that every conversation in that format holds. Zephyr's own template spells the role's mark from the message."""


def check(run: Run, recipe: Recipe) -> Iterator[Problem | Skip]:
    """Only names whose marks are known, against a template that is there."""
    stated = recipe.settings.get("chat_template")
    mark = _MARKS.get(stated.value.lower()) if stated and isinstance(stated.value, str) else None
    if stated is None or mark is None:
        yield Skip("no chat template is declared by a name that is known here")
        return
    config = run.root.one(TokenizerConfig)
    try:
        text = _templates.in_file(run.blob(_templates.NAME))
    except CannotRead as error:
        yield Skip(f"{_templates.NAME} {error.reason}")
        return
    if text is None and config is not None:
        text = _templates.in_config(config).get(_templates.DEFAULT)
    if text is None:
        yield Skip("no chat template is beside the adapter")
    elif mark not in text and mark.strip("<|>") not in text:
        yield Problem(
            f"{stated.key} is declared {stated.value}, and the tokenizer's template does not hold {mark}",
            Location(recipe.path, stated.member),
            expected=mark,
            observed=f"{len(text):,} characters without it",
        )
