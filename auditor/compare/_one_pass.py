"""Several weight files read in step, a few megabytes of each at a time, for everybody who wants their tensors.

Whoever describes a file, or compares it with another, asks for tensors and says what is to be done once all of them
are in memory. Tensors that are asked for together form a group. The files are then gone through in their order with as
many groups as `HELD` allows: each tensor is read once, what waits for it is done, and it is let go as soon as nobody
after it in the order needs it. At any time there are in memory the groups of one file and one group of the next.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._lockstep import Lockstep
from auditor.compare._slices import Running, Unit
from auditor.compare._windows import Keep, Window

HELD = 4 * 1024 * 1024
"""Bytes of one file that are in memory at a time. The file is opened anew for each such stretch, so that no more than
two are open at any time."""
UNPACKED = 32 * 1024 * 1024
"""The same where a file is no plain one: an object of git, which is unpacked anew each time it is opened."""
LARGEST = 20 * 1024 * 1024
"""Bytes of the largest group that is held; two of them are in memory where two files are compared. A larger one (a
saved embedding, factors at a high rank) passes by in slices, of all files at once."""
_BUNDLE = 1 * 1024 * 1024
"""Bytes of small groups that are read, and handed out, in one go."""

Work = Callable[[Sequence[Any]], None]
"""Does what was asked for, given the keys of all that is ready."""
InSlices = Callable[[Any], Sequence[Running] | None]
"""Makes those who do the work of a key with slices; None where that cannot be done."""
Needs = Sequence[tuple[int, Sequence[str]]]
"""Numbers of files with names of tensors in each."""


class _Task(NamedTuple):
    needs: Needs
    work: Work
    key: object

    @property
    def last(self) -> int:
        """The file in whose turn all is in memory."""
        return max(file for file, _ in self.needs)


class _Group:
    """Tasks that share tensors, by the file in whose turn they are done; the tensors and their bytes by file."""

    def __init__(
        self, tasks: Sequence[_Task], files: Sequence[AdapterWeights], sizes: dict[int, int]
    ) -> None:
        self.names: dict[int, Sequence[str]] = {}
        self._due: dict[int, list[tuple[Work, object]]] = {}
        self._last: dict[int, int] = {}
        self._held: list[int] = []
        for task in tasks:
            end = task.last
            self._due.setdefault(end, []).append((task.work, task.key))
            for file, some in task.needs:
                # Mostly the same ones, and there may be a hundred files: one tuple serves.
                known = self.names.setdefault(file, some)
                if known != some:
                    self.names[file] = tuple(dict.fromkeys((*known, *some)))
                self._last[file] = max(self._last.get(file, 0), end)
        self.sizes: dict[int, int] = {}
        for file, some in self.names.items():
            size = sum(files[file].tensors[name].nbytes for name in some)
            self.sizes[file] = sizes.setdefault(size, size)
        self.large = tuple(tasks) if max(self.sizes.values(), default=0) > LARGEST else ()

    def due(self, file: int) -> list[tuple[Work, object]]:
        """What is to be done in a file's turn; it is not kept."""
        return self._due.pop(file, [])

    def ended(self, file: int) -> list[int]:
        """The files whose tensors nobody needs any more after a file's turn."""
        self._held.append(file)
        over = [other for other in self._held if self._last[other] == file]
        self._held = [other for other in self._held if self._last[other] != file]
        return over


class OnePass:
    """``views`` are the files over what is held of them, for those who do the work; ``keep`` is by file."""

    def __init__(self, files: Sequence[AdapterWeights], keep: Mapping[int, Keep] | None = None) -> None:
        self._files = files
        self._windows = [Window(item, (keep or {}).get(number)) for number, item in enumerate(files)]
        self._tasks: list[_Task] = []
        self._running: dict[Work, InSlices] = {}
        self._left: Counter[Work] = Counter()
        self._done: dict[Work, Callable[[], None]] = {}

    @property
    def views(self) -> Sequence[AdapterWeights]:
        """The weights in the order of the files."""
        return [window.weights for window in self._windows]

    @property
    def _most(self) -> int:
        return HELD if all(item.seen is not None for item in self._files) else UNPACKED

    def ask(self, needs: Needs, work: Work, key: object) -> None:
        """Have ``work`` called with ``key`` when these tensors are in memory, together with others of its keys."""
        self._tasks.append(_Task(needs, work, key))
        self._left[work] += 1

    def in_slices(self, work: Work, running: InSlices) -> None:
        """Who does what ``work`` does with a key, for tensors too large to be held: while they pass by in slices."""
        self._running[work] = running

    def then(self, work: Work, done: Callable[[], None]) -> None:
        """Have ``done`` called when all was handed to ``work``; at once when nothing was asked for."""
        if self._left[work]:
            self._done[work] = done
        else:
            done()

    def run(self, told: Callable[[int, int], None] | None = None) -> None:
        """Go through all files; ``told`` hears of each (number of the file, bytes that were looked at)."""
        tasks, self._tasks = self._tasks, []
        sizes: dict[int, int] = {}
        every = [_Group(some, self._files, sizes) for some in _joined(tasks)]
        del tasks
        for group in every:
            if group.large:
                self._walk(group, told)
        groups = [group for group in every if not group.large]
        del every
        for batch in _batches(groups, sorted({f for g in groups for f in g.names}), self._most):
            for file in sorted({file for group in batch for file in group.names}):
                self._turn(batch, file)
                if told is not None:
                    told(file, sum(group.sizes.get(file, 0) for group in batch))

    def _walk(self, group: _Group, told: Callable[[int, int], None] | None) -> None:
        """A group that is too large to be held passes by in slices; kohya's alphas are held meanwhile."""
        small = {
            file: [name for name in names if self._files[file].tensors[name].elements == 1]
            for file, names in group.names.items()
        }
        for file, names in small.items():
            if names:
                with self._windows[file].opened():
                    self._windows[file].hold(names)
        Lockstep(self._files, self._windows, told).walk([self._unit(task) for task in group.large])
        for file, names in small.items():
            self._windows[file].drop(names)

    def _unit(self, task: _Task) -> Unit:
        made = self._running[task.work](task.key) if task.work in self._running else None
        instead = partial(self._work, [(task.work, task.key)])
        return Unit(made, instead, partial(self._finished, task.work, 1))

    def _turn(self, batch: Sequence[_Group], file: int) -> None:
        mine = [group for group in batch if file in group.names]
        with ExitStack() as stack:
            stack.enter_context(self._windows[file].opened())
            for bundle in _batches(mine, (file,), _BUNDLE):
                for group in bundle:
                    self._windows[file].hold(group.names[file])
                self._work(item for group in bundle for item in group.due(file))
                for group in bundle:
                    for other in group.ended(file):
                        self._windows[other].drop(group.names[other])

    def _work(self, due: Iterable[tuple[Work, object]]) -> None:
        """Do what is due; the keys of one work together."""
        keys: dict[Work, list[object]] = {}
        for work, key in due:
            keys.setdefault(work, []).append(key)
        for work, some in keys.items():
            work(some)
            self._finished(work, len(some))

    def _finished(self, work: Work, count: int) -> None:
        self._left[work] -= count
        if not self._left[work]:
            del self._left[work]
            self._done.pop(work, lambda: None)()


def _batches(groups: Iterable[_Group], files: Iterable[int], most: int) -> Iterator[list[_Group]]:
    """Groups in their order, as many as have no more than ``most`` bytes in any of the files."""
    batch: list[_Group] = []
    sizes: Counter[int] = Counter()
    mine = frozenset(files)
    for group in groups:
        own = {file: size for file, size in group.sizes.items() if file in mine}
        if batch and any(sizes[file] + size > most for file, size in own.items()):
            yield batch
            batch, sizes = [], Counter()
        batch.append(group)
        sizes.update(own)
    if batch:
        yield batch


def _joined(tasks: Sequence[_Task]) -> Iterator[list[_Task]]:
    """Tasks that share a tensor, directly or through others, in the order of the first of each."""
    parents = list(range(len(tasks)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    owners: dict[int, dict[str, int]] = {}
    uses = Counter(file for task in tasks for file, _ in task.needs)
    for number, task in enumerate(tasks):
        for file, names in task.needs:
            mine = owners.setdefault(file, {})
            for name in names:
                one, two = root(mine.setdefault(name, number)), root(number)
                parents[max(one, two)] = min(one, two)
            uses[file] -= 1
            if not uses[file]:
                del owners[file]
    found: dict[int, list[_Task]] = {}
    for number, task in enumerate(tasks):
        found.setdefault(root(number), []).append(task)
    yield from found.values()
