"""The help of a command, its options in groups: forty in one list hide the six that most people need."""

from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    import click

RERUN = "Options of the rerun"
OUTPUT = "What is printed and written"
EXIT_CODES = (
    ("0", "clean"),
    ("1", "findings at or above --fail-on, or a diverged rerun"),
    ("2", "the command or the policy is wrong"),
    ("3", "could not look at everything, or there was nothing to check"),
)
EXAMPLES = {
    "compare": (
        ("audit compare origin/main HEAD", "what this branch changes, and what contradicts what"),
        ("audit compare main my-branch -o html=audit.html -o markdown=comment.md", "the same as files too"),
        ("audit compare main my-branch --rerun --base DIR --data train.jsonl", "and the training once more"),
    ),
    "check": (
        ("audit check", "the commit that you are on"),
        ("audit check .", "the files as they lie here"),
        ("audit check my-branch --fail-on warning", "a branch, strictly"),
    ),
    "rerun": (
        ("audit rerun --plan --base DIR --data train.jsonl", "what would be trained"),
        ("audit rerun --base DIR --data train.jsonl --minutes 30", "as much as fits into half an hour"),
    ),
}
"""Command lines to begin with, by command."""


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

    def format_epilog(self, ctx: "click.Context", formatter: "click.HelpFormatter") -> None:
        """Write command lines to begin with, and what the exit code says."""
        for title, records in (("Examples", EXAMPLES.get(self.name or "", ())), ("Exit codes", EXIT_CODES)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=34)
