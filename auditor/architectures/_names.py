"""One key for a module under the names of every release and class."""

import re

from auditor.architectures._parts import Tower

_HEADS = frozenset({"lm_head", "embed_out", "proj_out"})
_LAYER = re.compile(r"(?:^|\.)([A-Za-z_]+\.\d+\..+)$")
_NUMBER = re.compile(r"(?:encoder\.|decoder\.)?[A-Za-z_]+\.(\d{1,9})\.")
_VISION = frozenset({"vision_tower", "vision_model", "visual"})
_WRAPPERS = frozenset({"base_model", "model", "language_model", "transformer", "gpt_neox"})


def module_key(name: str) -> tuple[Tower, str]:
    """A module's tower and its name from the first numbered layer on, equal for every release's spelling.

    ``language_model.model.layers.0.mlp.up_proj`` (transformers <= 4.51) and
    ``model.language_model.layers.0.mlp.up_proj`` (>= 4.52) are both ("text", "layers.0.mlp.up_proj"). The encoder and
    decoder of one model keep that word: ("text", "decoder.layers.0.fc1").
    """
    parts = name.split(".")
    if parts[-1] in _HEADS:
        return "head", "lm_head"
    if "multi_modal_projector" in parts:
        return "projector", parts[-1]
    vision = not _VISION.isdisjoint(parts)
    match = _LAYER.search(name)
    if match is None:
        return ("vision", ".".join(parts[-3:])) if vision else ("text", _without_wrappers(parts))
    tail, before = match.group(1), name[: match.start(1)].split(".")
    side = next((word for word in ("encoder", "decoder") if word in before), None)
    return ("vision", tail) if vision else ("text", f"{side}.{tail}" if side else tail)


def layer_of(name: str) -> tuple[Tower, int] | None:
    """The number of the layer a module is in, as ("text", 0); None for one outside of layers."""
    tower, tail = module_key(name)
    match = _NUMBER.match(tail)
    return (tower, int(match.group(1))) if match else None


def _without_wrappers(parts: list[str]) -> str:
    inner = [part for part in parts if part not in _WRAPPERS]
    return ".".join(inner or parts)
