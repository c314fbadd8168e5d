"""What the lines of an example make anew: archives, pickles, optimizers, made-up secrets, the outcome of a rerun."""

import atexit
import hashlib
import io
import json
import random
import re
import shutil
import string
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal

from auditor.errors import CannotRead
from auditor.model import Aspect, Blob, Digest, RerunPlan, RerunResult, Verdict
from tests.builders.pickles import Call, dumps, make_optimizer, make_scaler, make_torch, named, torch_zip

_TOKENS: Mapping[str, tuple[str, int]] = {
    "a Hugging Face token": ("hf" + "_", 34),
    "a GitHub token": ("gh" + "p_", 36),
    "a GitLab token": ("gl" + "pat-", 20),
}
"""What a text in braces stands for: how the kind of token begins, and how many characters follow."""


def filled(text: str) -> bytes:
    """A text with ``{a Hugging Face token}`` and the like replaced by nobody's token, drawn here."""
    for kind, (start, length) in _TOKENS.items():
        drawn = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=length))
        text = text.replace(f"{{{kind}}}", start + drawn)
    return text.encode()


def calling(name: str) -> bytes:
    """A torch file that calls a function when it is loaded."""
    return make_torch(Call(named(name), ("true",)))


def naming(name: str) -> bytes:
    """A torch file that imports a name when it is loaded, and calls nothing."""
    return make_torch([named(name)])


def damaged(path: str, data: bytes) -> Blob:
    """A pointer whose object on this machine is not the promised content."""
    oid = Digest("sha256", hashlib.sha256(data).hexdigest())
    return Blob(path, len(data), _refusing("its sha256 is another", "mismatch"), lfs=oid)


def _refusing(reason: str, state: Literal["mismatch"]) -> Callable[[], BinaryIO]:
    def refuse() -> BinaryIO:
        raise CannotRead(reason, state)

    return refuse


@cache
def base(folder: Path, more: str) -> Path:
    """A base model's folder, or a copy of it with one more file: ``chat_template.jinja = "text"``."""
    if not more:
        return folder
    name, _, text = more.partition(" = ")
    copy = Path(tempfile.mkdtemp()) / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors"))
    (copy / name).write_text(json.loads(text), encoding="utf-8")
    atexit.register(shutil.rmtree, copy.parent, ignore_errors=True)
    return copy


def bare() -> bytes:
    """A pickle without the zip archive around it."""
    return dumps({"last_epoch": 18})


def archived(entries: str) -> bytes:
    """A torch archive with further entries; ``compressed`` instead of them packs all."""
    buffer = io.BytesIO()
    if entries == "compressed":
        return torch_zip(dumps({"a": "b" * 1000}), compression=zipfile.ZIP_DEFLATED)
    buffer.write(torch_zip(dumps({}), more=[(name, b"\x80\x02).") for name in json.loads(f"[{entries}]")]))
    return buffer.getvalue()


def optimized(words: str) -> bytes:
    """An AdamW optimizer.pt: ``28 parameters, step 18, exp_avg_sq 0.5``, each with its default."""
    values = {"parameters": 28.0, "step": 18.0, "exp_avg_sq": 0.5}
    for part in words.split(", "):
        found = re.fullmatch(r"(?P<count>\d+) parameters|(?P<name>step|exp_avg_sq) (?P<value>\S+)", part)
        if found is None:
            raise ValueError(f"no such optimizer: {part!r}")
        values[found["name"] or "parameters"] = float(found["value"] or found["count"])
    shapes = [(2, 2)] * int(values["parameters"])
    return make_optimizer(shapes, values["step"], lambda _, name: values.get(name, 0.5))


def scaled(scale: float) -> bytes:
    """A scaler.pt, which training in fp16 leaves."""
    return make_scaler(scale=scale)


def rerun(words: str) -> RerunResult:
    """The outcome of a rerun: ``identical``, or ``PATH diverged`` with the aspect told by the file's name."""
    path, _, diverged = words.rpartition(" ")
    verdict = Verdict[diverged.upper()]
    kind = next((kind for kind in ("optimizer", "scheduler", "rng", "state") if kind in path), "weights")
    aspect = Aspect(
        kind, verdict, 0.5 if path else 0.0, 2e-5, f"compared {path or 'all files'}", path or None
    )
    plan = RerunPlan(".", {}, "whole", 18, 18, "base", "train.jsonl", {})
    return RerunResult(".", plan, {}, verdict, (aspect,), 2e-5)
