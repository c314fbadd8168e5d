"""A tokenizer's configuration is there without its vocabulary.

tokenizer_config.json says how text is cut; what the pieces are stands in tokenizer.json, tokenizer.model or the
files of an older tokenizer. Without them `AutoTokenizer.from_pretrained` stops (transformers 5.23.0,
models/auto/tokenization_auto.py), although the folder looks complete.

Wrong when: readers take the tokenizer from the base model, and the file only keeps its settings. Tokenizers that
work on bytes have no vocabulary and are left alone, as are those with code of their own.

Fix: save the tokenizer again beside the adapter, or remove tokenizer_config.json.

Bad:
    tokenizer.json: removed

Good:
    tokenizer.json: removed
    tokenizer.model: = "as sentencepiece wrote it"
"""

from collections.abc import Iterator

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.checks._published import is_published
from auditor.model import Problem, Severity, Skip, folder_of, name_of
from auditor.runs import Run

SEVERITY = Severity.NOTE

_VOCABULARIES = frozenset(
    {
        *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt", "spiece.model"),
        *(
            "sentencepiece.bpe.model",
            "tekken.json",
            "vocab.bpe",
            "encoder.json",
            "ice_text.model",
            "spm.model",
        ),
        *("source.spm", "target.spm", "prophetnet.tokenizer", "bpe.codes", "tokenizer.model.v3", "dict.txt"),
    }
)
_BYTES = ("ByT5", "Canine", "Perceiver", "Dummy")
"""Tokenizers of transformers 5.23.0 whose vocabulary is the 256 bytes or Unicode itself."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Of a published adapter's own folder, by name, fetched or not; files named tiktoken or model count too."""
    config = run.root.one(TokenizerConfig)
    if config is None or not is_published(run):
        yield Skip("no tokenizer_config.json is beside a published adapter")
        return
    if config.auto_map or (config.tokenizer_class or "").startswith(_BYTES):
        return
    names = {name_of(path) for path in run.contents.snapshot.files if folder_of(path) == config.folder}
    if names & _VOCABULARIES or any(name.endswith((".tiktoken", ".model", ".vocab")) for name in names):
        return
    yield Problem(
        f"{config.path} has no vocabulary beside it",
        config.at(),
        expected="tokenizer.json",
        observed="no file of a vocabulary",
    )
