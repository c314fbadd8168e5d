"""Names of base models: which are paths of one machine, and which mean the same model."""

import re

_CACHED = re.compile(r"models--[^/]+--([^/]+)")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_REMOTE = re.compile(r"[\w.+-]+@[\w.-]+:|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:-unsloth)?-bnb-4bit$|\.git$")


def is_machine_path(name: str) -> bool:
    """Whether a name can only be a folder of one machine.

    Absolute, home and dotted paths, drives, and names with two or more slashes: a hub id has at most one.
    """
    if _REMOTE.match(name):
        return name.lower().startswith("file:")
    if name.startswith(("/", "~", "./", "../")) or _DRIVE.match(name) or "\\" in name:
        return True
    return name.rstrip("/").count("/") > 1


def model_name(name: str) -> str:
    """The model's own name inside a hub id, path or git address, in lower case.

    ``google/gemma-3-4b-it``, ``/models/gemma-3-4b-it/``, ``git@host:group/gemma-3-4b-it.git``, the hub
    cache's ``models--google--gemma-3-4b-it/snapshots/<commit>`` and a ``-bnb-4bit`` copy all give the last.
    ModelScope's cache writes the dot of ``Qwen2.5`` as three underscores.
    """
    bare = name.strip().replace("\\", "/").rstrip("/")
    cached = _CACHED.search(bare)
    last = cached.group(1) if cached else re.split(r"[/:]", bare)[-1]
    lower = last.lower().replace("___", ".")
    return _SUFFIX.sub("", _SUFFIX.sub("", lower))


def same_model(one: str, other: str) -> bool:
    """Whether two names end in the same model name."""
    return model_name(one) == model_name(other)
