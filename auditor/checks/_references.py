"""References to repositories as declared configs spell them: commits, hosts, sizes in names."""

import re

_FULL = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)
_SHORT = re.compile(r"[0-9a-f]{7,39}", re.IGNORECASE)
_HOST = re.compile(r"(?:^[\w.+-]{1,64}@|://(?:[^/@\s]{1,200}@)?)([A-Za-z0-9][A-Za-z0-9.-]{0,252})(?=[:/]|$)")
_SIZE = re.compile(r"(?<![a-z0-9.])((?:\d{1,3}x)?)(\d{1,6}(?:\.\d{1,3})?)([bm])(?![a-z0-9])")
_PUBLIC = (
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "codeberg.org",
    "huggingface.co",
    "hf.co",
    "modelscope.cn",
    "kaggle.com",
    "wandb.ai",
    "amazonaws.com",
    "googleapis.com",
    # Names that RFC 2606 reserves for examples belong to nobody.
    "example.com",
    "example.net",
    "example.org",
)


def is_commit(reference: object) -> bool:
    """Whether a reference can only be a commit: 40 or 64 hexadecimal digits, or 7 to 39 with a digit."""
    if not isinstance(reference, str):
        return False
    if _FULL.fullmatch(reference):
        return True
    return _SHORT.fullmatch(reference) is not None and any(character.isdigit() for character in reference)


def private_host(text: str) -> str | None:
    """The host of an address such as ``git@host:group/name`` that is none of the well-known public ones."""
    match = _HOST.search(text[:1_000])
    if match is None:
        return None
    host = match.group(1).lower().rstrip(".")
    public = any(host == name or host.endswith("." + name) for name in _PUBLIC)
    return None if public else host


def sizes(name: str) -> frozenset[str]:
    """The model sizes a name states, in millions of parameters: ``gemma-3-4b-it`` gives {"4000"}.

    ``8x7b`` gives both 8x7000 and 7000. ``4bit`` and ``a3b`` are no sizes.
    """
    found: set[str] = set()
    for times, number, unit in _SIZE.findall(name.lower()[:1_000]):
        millions = f"{float(number) * (1000 if unit == 'b' else 1):g}"
        found |= {millions, times + millions}
    return frozenset(found)
