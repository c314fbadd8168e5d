"""The help of a command, its options in groups: forty in one list hide the six that most people need."""

from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    import click

RERUN = "Options of the rerun"
OUTPUT = "What is printed and written"


class Grouped(TyperCommand):
    """A command whose help lists arguments, its own options, and then those of each ``rich_help_panel``."""

    def format_options(self, ctx: "click.Context", formatter: "click.HelpFormatter") -> None:
        """Write one list a group, in the order in which the groups first occur."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], RERUN: [], OUTPUT: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            plain = "Arguments" if parameter.param_type_name == "argument" else "Options"
            name = getattr(parameter, "rich_help_panel", None) or plain
            if record is not None:
                groups.setdefault(name, []).append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
