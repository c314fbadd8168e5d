"""The user's own training script: its placeholders filled in, run without a shell in a process group of its own.

The command comes from the command line or from the base ref's policy. What is audited is never executed: a word that
names a file inside the audited folder or repository is refused.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import IncompleteError, UsageError
from auditor.model import Setting
from auditor.rerun.failure import TAIL, tail_of
from auditor.rerun.runner import AGAIN, EndedEarlyError, end_group, never, terminated_as_interrupt

PLACEHOLDERS = ("base", "data", "output", "seed", "max_steps", "stop_at")
KEPT = ("trainer", "peft_type", "dtype")
"""Settings that a plan by a command keeps besides those it fills in: everything else is the script's own."""
LIBRARIES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "bitsandbytes",
    "trl",
    "datasets",
    "tokenizers",
    "numpy",
)
_NAMED = re.compile(r"\{([A-Za-z_]+)\}")
_PROBE = (
    "import importlib.metadata as m, json, sys; "
    "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions() if d.metadata['Name'] in sys.argv}))"
)
_PROBE_SECONDS = 60.0
_POLL = 0.1
_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line in words; ``source`` says who gave it, ``audited`` are folders of which nothing is executed."""

    words: tuple[str, ...]
    source: str
    audited: tuple[Path, ...] = ()

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables without the entries of PYTHONPATH that would import modules from what is audited."""
        kept = dict(variables)
        entries = kept.pop("PYTHONPATH", "").split(os.pathsep)
        clean = [entry for entry in entries if entry and not _lies_in(Path(entry), self.audited)]
        return kept | ({"PYTHONPATH": os.pathsep.join(clean)} if clean else {})

    def uses(self, name: str) -> bool:
        """Whether a placeholder stands anywhere in the command."""
        return any(f"{{{name}}}" in word for word in self.words)

    def filled(self, values: Mapping[str, object]) -> list[str]:
        """The words with every placeholder replaced; a value with spaces stays one word."""
        return [_NAMED.sub(lambda found: str(values[found[1]]), word) for word in self.words]

    @property
    def text(self) -> str:
        """The command as one line for people."""
        return shlex.join(self.words)


def parse(text: str, source: str, audited: Sequence[Path] = ()) -> Command:
    """A command line as words, its files as absolute paths, because it runs in a folder of its own.

    ``audited`` are folders of which nothing may be executed. Raises UsageError for what is no command line, for an
    unknown placeholder, without ``{output}``, for a program that is not there, and for a file of what is audited.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"the command cannot be read: {str(error).lower()}", "check its quotes") from error
    if not words:
        raise UsageError(
            "the command is empty", 'give --command "python /path/train.py --output {output} ..."'
        )
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in (name for word in words for name in _NAMED.findall(word)):
        if name not in PLACEHOLDERS:
            raise UsageError(f"the command holds an unknown placeholder {{{name}}}", f"there are {known}")
    made = (_program(words[0]), *(_absolute(word) for word in words[1:]))
    found = Command(made, source, tuple(folder.resolve() for folder in audited))
    if not found.uses("output"):
        raise UsageError("the command names no {output}, the folder that it must write", f"there are {known}")
    for word in found.words if "/" in words[0] else found.words[1:]:
        if _names_audited(word, found.audited):
            raise UsageError(
                f"the command runs {word}, which lies in what is audited; nothing of that is executed",
                "copy the script to another folder, if you trust it",
            )
    return found


def _program(word: str) -> str:
    found = shutil.which(word)
    if found is None:
        raise UsageError(f"the command's program {word!r} is not there", "give its full path")
    return str(Path(found).absolute())


def _absolute(word: str) -> str:
    """A word that names a file of the current folder, also behind ``--option=``, as an absolute path."""
    head, mark, tail = word.partition("=")
    if mark and head.startswith("-"):
        return f"{head}={_absolute(tail)}"
    return str(Path(word).absolute()) if not word.startswith("-") and _is_file(word) else word


def _is_file(word: str) -> bool:
    """Path.is_file raises for a word longer than a name may be."""
    return os.path.isfile(word)  # noqa: PTH113


def _names_audited(word: str, audited: Sequence[Path]) -> bool:
    """Whether a word is a file of an audited folder, by whatever links, or holds the folder's path inside a text."""
    tail = word.partition("=")[2] if word.startswith("-") else word
    there = bool(tail) and os.path.exists(tail)  # noqa: PTH110 - Path raises for a word longer than a name may be
    return (there and _lies_in(Path(tail), audited)) or any(f"{folder}{os.sep}" in word for folder in audited)


def _lies_in(path: Path, audited: Sequence[Path]) -> bool:
    return any(path.resolve().is_relative_to(folder) for folder in audited)


def settings_of(command: Command, known: Mapping[str, Setting]) -> dict[str, Setting]:
    """What a plan by a command says: the command, and the values it fills in."""
    kept = {key: known[key] for key in KEPT if key in known and (key != "dtype" or "peft_type" in known)}
    kept |= {key: known[key] for key in ("seed", "max_steps") if key in known and command.uses(key)}
    return {**kept, "command": Setting(command.text, command.source)}


def obstacles(command: Command, total: int | None, stop_at: int) -> Iterator[str]:
    """Why the command cannot train a span."""
    if not total and (command.uses("max_steps") or command.uses("stop_at")):
        yield (
            "no file says how many steps the schedule had (trainer_state.json would, as max_steps), "
            "which the command asks for"
        )
    if total and stop_at < total and not command.uses("stop_at"):
        yield (
            f"the command has no {{stop_at}}, so it cannot be ended after {stop_at} of {total} steps: "
            f"add it, or give --steps {total}"
        )


def run(
    words: Sequence[str],
    output: Path,
    scratch: Path,
    *,
    environment: Mapping[str, str],
    timeout: float | None = None,
    stopped: Callable[[], bool] = never,
) -> None:
    """Run a command until it ends. Raises IncompleteError with its last lines when it fails or leaves nothing.

    ``scratch`` is its working directory and gets ``output.txt``, what it printed. Ctrl-C, SIGTERM, the timeout
    (seconds) and ``stopped`` end its whole process group.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    printed = scratch / "output.txt"
    with printed.open("wb") as stream, terminated_as_interrupt():
        process = _start(words, environment, stream.fileno(), scratch)
        try:
            code = _wait(process, timeout, stopped)
        except KeyboardInterrupt:
            raise EndedEarlyError("the command was interrupted", AGAIN) from None
        finally:
            end_group(process)
    shown = "".join(f"\n{line}" for line in tail_of(printed)[-TAIL:])
    if code is None:
        raise EndedEarlyError(
            f"the command did not finish in {timeout:,.0f} seconds{shown}", "give more time"
        )
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        raise IncompleteError(f"the command {how}{shown}", "run it by itself to see why")
    if not output.is_dir() or not any(output.iterdir()):
        raise IncompleteError(f"the command left nothing in {{output}}{shown}", "let it write there")
    _record(words, output, scratch, environment)


def _start(
    words: Sequence[str], environment: Mapping[str, str], printed: int, scratch: Path
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=scratch,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise IncompleteError(f"the command could not be started: {error}") from error


def _wait(process: subprocess.Popen[bytes], timeout: float | None, stopped: Callable[[], bool]) -> int | None:
    """The exit code; None when time is up. Raises KeyboardInterrupt when somebody asks to stop."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_POLL)
        if stopped():
            raise KeyboardInterrupt
        if end is not None and time.monotonic() >= end:
            return None


def _record(words: Sequence[str], output: Path, scratch: Path, environment: Mapping[str, str]) -> None:
    """Leave beside its files what is known of the machine: the releases its interpreter has, and whether a GPU."""
    cuda = _DRIVER.is_file() and environment.get("CUDA_VISIBLE_DEVICES") != ""
    known = {
        "command": list(words),
        "versions": versions(words[0], scratch, environment),
        "device": "cuda" if cuda else "cpu",
        "variables": {
            key: environment[key] for key in ("ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS") if key in environment
        },
    }
    (output / "environment.json").write_text(json.dumps(known, indent=2), encoding="utf-8")


def versions(program: str, scratch: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The releases that the Python of a program has installed; nothing where it is not a Python program."""
    interpreter = _interpreter(Path(program))
    if interpreter is None:
        return {}
    try:
        done = subprocess.run(
            [interpreter, "-c", _PROBE, *LIBRARIES],
            env=dict(environment),
            cwd=scratch,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return {str(name): str(release) for name, release in found.items()} if isinstance(found, dict) else {}


def _interpreter(program: Path) -> str | None:
    """A Python by its name, or the one that a script's first line names (accelerate, torchrun)."""
    if program.name.startswith("python"):
        return str(program)
    try:
        with program.open("rb") as stream:
            first = stream.readline(4096).decode("utf-8", "replace").strip()
    except OSError:
        return None
    named = first.removeprefix("#!").split() if first.startswith("#!") else []
    if named and named[0].endswith("/env"):
        named = named[1:]
    found = shutil.which(named[0]) if named and "python" in named[0] else None
    return found if found is None else os.path.abspath(found)  # noqa: PTH100 - a venv's link stays a link
