"""The tokenizer pads on the other side than declared.

Decoder-only models generate from the last position, so batches are padded left for generation (transformers
5.23.0, generation/utils.py, warns of the other side) and, with masked labels, right for training.
`padding_side` is saved with the tokenizer (tokenization_utils_base.py, `save_pretrained`). A tokenizer
saved with the other side than declared was not the one the declaration configured.

Wrong when: the platform sets the side for training only and restores it before saving.

Fix: declare the side the tokenizer has, or save the tokenizer as it was trained with.

Bad:
    tokenizer_config.json: /padding_side = "left"

Good:
    # left on both sides
    cheetah-fine-tuning-config.json: /tokenizer_parameters/padding = "left"
    tokenizer_config.json: /padding_side = "left"
    checkpoint-*/tokenizer_config.json: /padding_side = "left"
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.model import Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING


def check(config: TokenizerConfig, recipe: Recipe) -> Iterator[Problem | Skip]:
    """Compare only where both name a side."""
    wanted = recipe.value("padding_side")
    if wanted not in ("left", "right") or config.padding_side is None:
        yield Skip("the declaration or tokenizer_config.json names no padding side")
    elif wanted != config.padding_side:
        yield Problem(
            f"padding is declared {wanted}, and the tokenizer pads {config.padding_side}",
            config.at("/padding_side"),
            expected=str(wanted),
            observed=config.padding_side,
        )
