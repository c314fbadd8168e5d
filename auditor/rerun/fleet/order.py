"""One training as an order: what is trained, with what, and how it ended. An order can be carried out anywhere."""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from auditor.errors import IncompleteError
from auditor.rerun.command import Command
from auditor.rerun.command import run as run_command
from auditor.rerun.environments import environment
from auditor.rerun.environments.interpreter import Interpreter
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress
from auditor.rerun.runner import Child, never

CUDA = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Order:
    """One trial: the entries of its JOB.json, or ``words``, the command line that trains it instead.

    ``output`` is the folder it leaves, ``steps`` its optimizer steps over all parts. ``flags`` are variables that this
    training alone has; ``shared`` says that one process may train it beside others.
    """

    name: str
    output: Path
    jobs: tuple[Mapping[str, object], ...]
    steps: int
    threads: int
    flags: Mapping[str, str] = field(default_factory=dict)
    shared: bool = True
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """What all orders of one experiment have in common: its folder, its Python, its variables, its inputs.

    ``user`` is the user's own script; ``inputs`` are name -> (path, sha256); ``hidden`` variables hide GPUs;
    ``device`` is cuda, cpu or None (not known) by what made the audited run.
    """

    folder: Path
    python: Interpreter
    hidden: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, tuple[Path, str]] = field(default_factory=dict)
    user: Command | None = None
    device: str | None = None
    kernels: Mapping[str, str] = field(default_factory=lambda: _kernels(os.environ))
    debug: bool = False

    @property
    def surroundings(self) -> dict[str, str]:
        """The variables of the machine this runs on, those that choose kernels as the user set them."""
        own = {name: value for name, value in os.environ.items() if name not in _kernels(os.environ)}
        return self.python.variables({**own, **self.kernels, **self.hidden})

    def variables(self, order: Order, device: str | None = None) -> dict[str, str]:
        """The environment of an order's process; ``device`` is the one GPU that it sees, None leaves the choice."""
        inherited = self.surroundings
        if device is not None and not self.hidden:
            inherited[CUDA] = device
        made = environment.variables(inherited, order.threads, order.flags)
        return made if self.user is None else self.user.environment(made)


def _kernels(variables: Mapping[str, str]) -> dict[str, str]:
    """What chooses kernels and means the same on every machine; where a machine finds CUDA is its own."""
    found = environment.arithmetic(variables)
    return {name: value for name, value in found.items() if name != "LD_LIBRARY_PATH"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How an order ended: well, or with an error."""

    order: Order
    error: IncompleteError | None = None


class Executor(Protocol):
    """Carries out orders; each end is handed back as it comes. A later call may reuse what an earlier one started."""

    def train(self, orders: Sequence[Order]) -> Generator[Ended, None, None]:
        """Train every order. Raises EndedEarlyError when the user interrupts; an order's own error is in its end."""
        ...

    def close(self) -> None:
        """End every process that was started, and everything that those started."""
        ...


Left = Callable[[], float | None]
"""Seconds until the limit; None when there is none."""


def child_of(
    site: Site, order: Order, scratch: Path, device: str | None, stopped: Callable[[], bool] = never
) -> Child:
    """The process that trains an order, and others after it where it is shared."""
    scratch.mkdir(parents=True)
    return Child(
        scratch,
        environment=site.variables(order, device),
        threads=order.threads,
        command=site.python.command,
        debug=site.debug,
        stopped=stopped,
    )


def alone(
    site: Site,
    order: Order,
    scratch: Path,
    followed: Followed,
    progress: Progress,
    timeout: float | None,
    *,
    device: str | None = None,
    stopped: Callable[[], bool] = never,
) -> None:
    """Train an order in a process of its own. Raises IncompleteError as `Child.train` and `command.run` do."""
    if not order.words:
        with child_of(site, order, scratch, device, stopped) as child:
            child.train(order.jobs, followed, progress, timeout, last=True)
        return
    scratch.mkdir(parents=True)
    run_command(
        order.words,
        order.output,
        scratch,
        environment=site.variables(order, device),
        timeout=timeout,
        stopped=stopped,
    )
    followed.step += order.steps
    progress(followed.step, followed.total, None, None)
