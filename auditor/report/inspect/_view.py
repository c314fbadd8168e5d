"""How an inspection is to be shown: what every renderer is given besides the inspection."""

from dataclasses import dataclass

TABLES = ("modules", "tensors", "steps", "curves")
"""What csv and parquet hold of one inspection; curves are every logged number, which have writers of their own."""
SIDE_TABLES = ("modules", "tensors")
"""What they hold of two adapters side by side."""


@dataclass(frozen=True, slots=True)
class View:
    """``width`` in columns; ``ascii`` for terminals without UTF-8; ``table`` is what csv holds.

    ``tensors`` asks for the comparison tensor by tensor, where two adapters are set side by side.
    """

    colour: bool = False
    width: int = 80
    ascii: bool = False
    table: str = "modules"
    tensors: bool = False


PLAIN = View()
"""Without colour, 80 columns wide."""
