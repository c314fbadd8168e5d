"""Several weight files read in step, a few megabytes of each at a time, for everybody who wants their tensors.

Whoever describes a file, or compares it with another, asks for tensors and says what is to be done once all of them
are in memory. Tensors that are asked for together form a group. The files are then gone through in their order with as
many groups as `HELD` allows: each tensor is read once, what waits for it is done, and it is let go as soon as nobody
after it in the order needs it. At any time there are in memory the groups of one file and one group of the next.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from auditor.artifacts.adapter_weights import AdapterWeights
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


@dataclass(eq=False, slots=True)
class Request:
    """What somebody wants of tensors: ``work`` is called with keys whose ``needs`` are in memory, some at a time.

    ``in_slices`` makes those who do the work of a key with tensors too large to be held. ``done`` is called at the end.
    There may be a hundred files with hundreds of modules, so a key is all that is kept of each.
    """

    needs: Callable[[Any], Needs]
    work: Work
    in_slices: InSlices
    done: Callable[[], None] = lambda: None
    left: int = 0

    def finished(self, count: int = 1) -> None:
        """So many keys were served."""
        self.left -= count
        if not self.left:
            self.done()


_Task = tuple[Request, Any]
"""A request with one of its keys."""


class _Group:
    """Tasks that share tensors, by the file in whose turn they are done; the tensors and their bytes by file."""

    def __init__(
        self, tasks: Sequence[_Task], files: Sequence[AdapterWeights], sizes: dict[int, int]
    ) -> None:
        self.names: dict[int, Sequence[str]] = {}
        self._due: dict[int, list[_Task]] = {}
        self._last: dict[int, int] = {}
        self._held: list[int] = []
        for task in tasks:
            request, key = task
            needs = request.needs(key)
            # The file in whose turn all is in memory.
            end = max(file for file, _ in needs)
            self._due.setdefault(end, []).append(task)
            for file, some in needs:
                # Mostly the same ones, and there may be a hundred files: one tuple serves.
                known = self.names.setdefault(file, some)
                if known != some:
                    self.names[file] = tuple(dict.fromkeys((*known, *some)))
                self._last[file] = max(self._last.get(file, 0), end)
        self.sizes: dict[int, int] = {}
        for file, some in self.names.items():
            size = _bytes(files[file], some)
            self.sizes[file] = sizes.setdefault(size, size)
        weights = (self.sizes[file] + _squares(files[file], some) for file, some in self.names.items())
        self.large = tuple(tasks) if max(weights, default=0) > LARGEST else ()

    def due(self, file: int) -> list[_Task]:
        """What is to be done in a file's turn; it is not kept."""
        return self._due.pop(file, [])

    def ended(self, file: int) -> list[int]:
        """The files whose tensors nobody needs any more after a file's turn."""
        self._held.append(file)
        over = [other for other in self._held if self._last[other] == file]
        self._held = [other for other in self._held if self._last[other] != file]
        return over


def _squares(weights: AdapterWeights, names: Sequence[str]) -> int:
    """Bytes in float64 of products of the columns of each matrix, about what is computed of factors of that rank."""
    shapes = (weights.tensors[name].shape[:2] for name in names)
    return sum(8 * min(shape) ** 2 for shape in shapes if len(shape) == 2)


def _bytes(weights: AdapterWeights, names: Sequence[str]) -> int:
    """Bytes of a file that holding tensors takes; those that share a storage of torch are held once."""
    if weights.archive is None:
        return sum(weights.tensors[name].nbytes for name in names)
    size, end = 0, ("", 0)
    for storage, first, last in sorted(map(weights.extent, names)):
        size += max(0, last - max(first, end[1] if storage == end[0] else 0))
        end = max(end, (storage, last)) if storage == end[0] else (storage, last)
    return size


class OnePass:
    """``views`` are the files over what is held of them, for those who do the work; ``keep`` is by file."""

    def __init__(self, files: Sequence[AdapterWeights], keep: Mapping[int, Keep] | None = None) -> None:
        self._files = files
        self._windows = [Window(item, (keep or {}).get(number)) for number, item in enumerate(files)]
        self._tasks: list[_Task] = []

    @property
    def views(self) -> Sequence[AdapterWeights]:
        """The weights in the order of the files."""
        return [window.weights for window in self._windows]

    @property
    def _most(self) -> int:
        return HELD if all(item.seen is not None for item in self._files) else UNPACKED

    def ask(self, request: Request, keys: Iterable[object]) -> None:
        """Have all these keys served; where there is none, the request is done at once."""
        before = len(self._tasks)
        self._tasks.extend((request, key) for key in keys)
        request.left += len(self._tasks) - before
        request.finished(0)

    def run(self, told: Callable[[int, int], None] | None = None) -> None:
        """Go through all files; ``told`` hears of each (number of the file, bytes that were looked at)."""
        tasks, self._tasks = self._tasks, []
        for batch in _batches(self._groups(tasks, told), range(len(self._files)), self._most):
            for file in sorted({file for group in batch for file in group.names}):
                self._turn(batch, file)
                if told is not None:
                    told(file, sum(group.sizes.get(file, 0) for group in batch))

    def _groups(self, tasks: list[_Task], told: Callable[[int, int], None] | None) -> Iterator[_Group]:
        """Groups that are held; those that are too large are served on the way."""
        sizes: dict[int, int] = {}
        for some in _joined(tasks, self._files):
            group = _Group(some, self._files, sizes)
            if group.large:
                self._walk(group, told)
            else:
                yield group

    def _walk(self, group: _Group, told: Callable[[int, int], None] | None) -> None:
        """A group that is too large to be held passes by in slices; kohya's alphas are held meanwhile."""
        from auditor.compare._lockstep import Lockstep

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
        request, key = task
        return Unit(request.in_slices(key), partial(_serve, (task,)), request.finished)

    def _turn(self, batch: Sequence[_Group], file: int) -> None:
        mine = [group for group in batch if file in group.names]
        with ExitStack() as stack:
            stack.enter_context(self._windows[file].opened())
            for bundle in _batches(mine, (file,), _BUNDLE):
                for group in bundle:
                    self._windows[file].hold(group.names[file])
                _serve(item for group in bundle for item in group.due(file))
                for group in bundle:
                    for other in group.ended(file):
                        self._windows[other].drop(group.names[other])


def _serve(due: Iterable[_Task]) -> None:
    """Do what is due; the keys of one request together."""
    keys: dict[Request, list[object]] = {}
    for request, key in due:
        keys.setdefault(request, []).append(key)
    for request, some in keys.items():
        request.work(some)
        request.finished(len(some))


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


def _joined(tasks: list[_Task], files: Sequence[AdapterWeights]) -> Iterator[list[_Task]]:
    """Tasks that share a tensor or its bytes, directly or through others, in the order of the first of each.

    They are taken away from ``tasks``.
    """
    roots = _roots(tasks, files)
    found: dict[int, list[_Task]] = {}
    for root, task in zip(roots, tasks, strict=True):
        found.setdefault(root, []).append(task)
    tasks.clear()
    while found:
        yield found.pop(next(iter(found)))


def _roots(tasks: Sequence[_Task], files: Sequence[AdapterWeights]) -> list[int]:
    """The first of the tasks that share a tensor or its bytes, for each of them."""
    parents = list(range(len(tasks)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    owners: dict[int, dict[str, int]] = {}
    uses = Counter(file for request, key in tasks for file, _ in request.needs(key))
    for number, (request, key) in enumerate(tasks):
        for file, names in request.needs(key):
            mine, groups = owners.setdefault(file, {}), files[file].shared.groups
            for name in (groups.get(name, name) for name in names) if groups else names:
                one, two = root(mine.setdefault(name, number)), root(number)
                parents[max(one, two)] = min(one, two)
            uses[file] -= 1
            if not uses[file]:
                del owners[file]
    return [root(number) for number in range(len(tasks))]
