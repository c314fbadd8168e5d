"""add_eos_token is declared, and the tokenizer does not add one.

`add_eos_token` in tokenizer_config.json makes the tokenizer end every text (transformers 4.51.3,
models/gemma/tokenization_gemma_fast.py, `update_post_processor`; Llama's is the same). With false the text
of the training data has to end in the token itself, or the model never sees an end.

Under trainer "sft" nothing is said: TRL's trainer ends every text itself where the token is missing (trl 0.16 to
1.16.0, trainer/sft_trainer.py, `add_eos`).

Wrong when: the platform appends the token to each text, or the template does.

Fix: check that the training texts end in the end-of-sequence token, and record how it is added.

Bad:
    # add_eos_token true is declared
    tokenizer_config.json: /add_eos_token = false

Good:
    tokenizer_config.json: /add_eos_token = true
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.model import Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.NOTE


def check(config: TokenizerConfig, recipe: Recipe) -> Iterator[Problem | Skip]:
    """A tokenizer that does not have the key leaves it to the post-processor, which is not read here."""
    if recipe.value("add_eos_token") is not True:
        return
    if recipe.trainer == "sft":
        yield Skip("under trainer sft the trainer ends each text itself, whatever the tokenizer does")
    elif config.add_eos_token is None:
        yield Skip("tokenizer_config.json has no add_eos_token")
    elif config.add_eos_token is False:
        yield Problem(
            "add_eos_token is declared true, and the tokenizer does not add one",
            config.at("/add_eos_token"),
            expected="true, or texts that end in the token",
            observed="false",
        )
