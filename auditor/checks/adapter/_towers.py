"""The parts of a model that an adapter's modules belong to."""

from auditor.architectures._names import module_key


def part_of(module: str) -> str:
    """``text``, ``vision``, ``head``, ``projector``, or ``encoder`` of an encoder-decoder."""
    tower = module_key(module)[0]
    parts = module.split(".")
    return "encoder" if tower == "text" and "encoder" in parts else tower
