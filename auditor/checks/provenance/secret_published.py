r"""A file holds what looks like an access token or a private key.

Whoever can read the repository can use it, and git keeps it in the history after the file is changed.
training_args.bin keeps `hub_token` as it is, while the JSON form of the same arguments masks it
(transformers 4.51.3, training_args.py, `to_dict`).

Wrong when: the text is an example that only has the form of a token; repeated characters and the word
EXAMPLE are recognised.

Fix: revoke the token at its issuer now, then remove it from the history before the branch is merged.

Bad:
    notes/run.sh: = "export HF_TOKEN={a Hugging Face token}\n"

Good:
    # a placeholder
    notes/run.sh: = "git clone https://user:your_token_here@huggingface.co/tiny-labs/tiny-sums\n"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._text_files import text_files
from auditor.checks._unread import unread
from auditor.checks._wording import joined
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR

_FORMS = {
    "a Hugging Face token": re.compile(r"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    "a GitHub token": re.compile(
        r"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})(?!\w)"
    ),
    "a GitLab token": re.compile(r"(?<![\w-])glpat-[A-Za-z0-9_-]{20}(?![\w-])"),
    "an AWS access key": re.compile(r"(?<![A-Z0-9])AKIA[A-Z0-9]{16}(?![A-Z0-9])"),
    "a private key": re.compile(
        r"-----BEGIN (?:RSA |EC |OPENSSH |DSA )?PRIVATE KEY-----\s{0,8}[A-Za-z0-9+/]{16}"
    ),
    "a password in an address": re.compile(
        r"https?://[A-Za-z0-9._-]{1,64}:([A-Za-z0-9._~-]{8,128})@[A-Za-z0-9]"
    ),
}
_MARKS = {
    "a Hugging Face token": ("hf_",),
    "a GitHub token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "a GitLab token": ("glpat-",),
    "an AWS access key": ("AKIA",),
    "a private key": ("PRIVATE KEY-----",),
    "a password in an address": ("://",),
}
"""What each form must contain: a plain search of a 1 MB tokenizer_config.json is 100 times as fast as the patterns."""
_EXAMPLE = re.compile(r"example|your|token|password|placeholder|secret|xxxx", re.IGNORECASE)
SHOWN = 6
"""Characters of a token that a finding shows."""


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """One finding for each file and kind of secret; the token itself is never printed."""
    yield from unread(contents, "training_args.bin")
    for path, text in text_files(contents.snapshot):
        yield from _in_text(path, text)
    for folder in contents.folders.values():
        for arguments in folder.all(TrainingArgs):
            yield from _in_arguments(arguments)


def _in_text(path: str, text: str) -> Iterator[Problem]:
    for kind, form in _FORMS.items():
        if not _may_hold(text, _MARKS[kind]):
            continue
        found = next((match for match in form.finditer(text) if _is_real(match)), None)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            yield Problem(
                f"line {line} holds what looks like {kind}: {_start(found, kind)}…",
                Location(path),
                expected="no secret in the repository",
                observed=kind,
            )


def _may_hold(text: str, marks: tuple[str, ...]) -> bool:
    """Whether one of the marks is in a text; the first two characters of several rule most texts out."""
    if len(marks) == 1:
        return all(map(text.__contains__, marks[0])) and marks[0] in text
    found = {start for start in {mark[:2] for mark in marks} if start in text}
    return any(mark[:2] in found and mark in text for mark in marks)


def _in_arguments(arguments: TrainingArgs) -> Iterator[Problem]:
    """The reader keeps only that a token is set, never the token; `push_to_hub_token` is the older name of one."""
    held = [key for key in ("hub_token", "push_to_hub_token") if arguments.values.get(key)]
    if held:
        named = joined([f"`{key}`" for key in held])
        yield Problem(
            f"the training arguments hold {named}, readable for everybody who unpickles the file",
            arguments.at(held[0]),
            expected="null",
            observed="a token",
        )


def _is_real(match: re.Match[str]) -> bool:
    """Whether a match is no placeholder: many different characters and none of the usual words."""
    body = match.group(match.lastindex or 0)
    return len(set(body)) >= 8 and not _EXAMPLE.search(body.removeprefix("hf_"))


def _start(match: re.Match[str], kind: str) -> str:
    return "https://" if "address" in kind else match.group(0)[:SHOWN]
