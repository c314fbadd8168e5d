r""".gitattributes tracks a slow tokenizer's vocabulary, and no such file is in the repository.

A fast tokenizer saves `tokenizer.model` beside `tokenizer.json` when the folder it was loaded from had one
(transformers 4.51.3, models/gemma/tokenization_gemma_fast.py, `save_vocabulary`). A rule without the file
shows that the list of patterns was copied from elsewhere or that the upload left the file out.

Wrong when: nobody needs the slow tokenizer; tokenizer.json is complete by itself.

Fix: add the file, or remove the pattern.

Bad:
    .gitattributes: + "tokenizer.model filter=lfs diff=lfs merge=lfs -text\n"

Good:
    .gitattributes: + "tokenizer.model filter=lfs diff=lfs merge=lfs -text\n"
    tokenizer.model: = "the vocabulary"
"""

from collections.abc import Iterator

from auditor.artifacts.git_attributes import GitAttributes
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.model import Problem, Severity, name_of
from auditor.runs import Contents

SEVERITY = Severity.NOTE

_SLOW = (
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
)


def check(attributes: GitAttributes, contents: Contents) -> Iterator[Problem]:
    """Only exact names count, and only in a repository that does hold a fast tokenizer."""
    names = {name_of(path) for path in contents.snapshot.files}
    if not any(folder.all(TokenizerJson) for folder in contents.folders.values()):
        return
    for rule in attributes.rules:
        if rule.is_lfs and rule.pattern in _SLOW and rule.pattern not in names:
            yield Problem(
                f"{attributes.path} tracks {rule.pattern}, which is not in the repository",
                attributes.at(rule.pattern),
                expected=rule.pattern,
                observed="tokenizer.json only",
            )
