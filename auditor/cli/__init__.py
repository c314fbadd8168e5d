"""The command line: parse, call the engine, render, exit. The only printer; no logic."""

from auditor.cli import commands, inspection, reference
from auditor.cli.commands import run

__all__ = ["commands", "inspection", "reference", "run"]
