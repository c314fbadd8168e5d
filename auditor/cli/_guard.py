"""Every way of ending has its exit code, one sentence and one hint; a bug of ours is 3, never 1."""

import io
import sys
import traceback
from collections.abc import Sequence

import click
import typer

from auditor.errors import AuditError

_INTERRUPTED = 130
"""What typer makes of Ctrl-C (typer/core.py, _main)."""


def guarded(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the app and return the exit code of CLI.md's table; no traceback escapes unless --debug asks for it."""
    if sys.stdout is None:
        return _told("stdout is closed", "send it somewhere, /dev/null for instance", 3)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that knows no check mark shows its escape; it is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _ended(app, arguments)
    except click.ClickException as error:
        return _misused(error)
    except AuditError as error:
        return _told(error.message, error.hint, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _told("interrupted; nothing was changed", "run the same command again", 3)
    except Exception as error:  # The last line of defence: a bug of ours must not read as "findings".
        return _broken(error, debug="--debug" in arguments)


def _broken(error: Exception, debug: bool) -> int:
    """What nothing foresaw; a file that this user may not read is no bug, wherever it stands in the way."""
    if debug:
        traceback.print_exc()
    if isinstance(error, PermissionError) and error.filename:
        return _told(f"{error.filename} cannot be opened: {error.strerror}", "look at its permissions", 3)
    hint = "run again with --debug and report what it prints"
    return _told(f"internal error: {type(error).__name__}: {error}", hint, 3)


def _ended(app: typer.Typer, arguments: Sequence[str]) -> int:
    try:
        result = app(list(arguments), standalone_mode=False, prog_name="audit")
    except click.exceptions.Exit as end:
        result = end.exit_code
    if result == _INTERRUPTED:
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _misused(error: click.ClickException) -> int:
    """What the parser of the command line refuses, in the form of every other error."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show(sys.stderr)
        return 2
    said, _, meant = error.format_message().partition(" Did you mean ")
    # Both click and typer may append the question (typer/core.py, TyperGroup.resolve_command).
    guess = f"did you mean {meant.partition('?')[0]}? " if meant else ""
    hint = f"{guess}{context.command_path} --help tells more"
    return _told(said[:1].lower() + said[1:].removesuffix("."), hint, 2)


def _told(message: str, hint: str, code: int) -> int:
    sys.stderr.write(f"audit: {message}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
    return code
