"""Tensors too large to be held, read from all files side by side, a slice of each at a time.

Whoever wants numbers of such tensors keeps running sums: a `Running` names the tensors that it walks through in step
(its strands) and is handed slice after slice of them. A tensor is read once for everybody who walks through it, however
many files and neighbours there are. A matrix whose columns are wanted (lora_A) is read a piece of each row at a time.

In memory are `ROOM` bytes of slices and `STATE` bytes of running sums. Where the sums of all files would take more, or
more than `OPEN` files would be open, the files are walked through in runs. What a later run wants as well is noted down
in a `Scratch` while it passes by, and read from there; it is read from the file again only where that has no room.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from graphlib import CycleError, TopologicalSorter
from math import gcd, lcm, prod

from auditor.artifacts._opened import Opened
from auditor.artifacts._safetensors import BITS
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._scratch import Key, Scratch
from auditor.compare._slices import ALIGNED, RUN, Member, Node, Running, ScatteredNode, Slice, Unit
from auditor.compare._windows import Window
from auditor.errors import CannotRead

ROOM = 4 * 1024 * 1024
"""Bytes of all slices that are in memory at a time, as they are stored."""
STATE = 24 * 1024 * 1024
"""Bytes of running sums: those of rank 128 over 55 files, of rank 256 over 15, of rank 512 over four."""
OPEN = 120
"""Most files that are open at a time; macOS lets a process have 256."""

Told = Callable[[int, int], None]


class _CrossedError(Exception):
    """One wants the strands in another order, or another cut, than the other."""


class Lockstep:
    """``windows`` are over ``files``, in their order; ``told`` hears of each (number of the file, bytes read)."""

    def __init__(
        self, files: Sequence[AdapterWeights], windows: Sequence[Window], told: Told | None = None
    ) -> None:
        self._files, self._windows, self._told = files, windows, told

    def walk(self, units: Sequence[Unit]) -> None:
        """Have all units summed up. Nothing is raised."""
        runs = [
            run for some in _runs([unit for unit in units if unit.is_possible]) for run in self._ordered(some)
        ]
        with Scratch(left.keys for left, _ in runs) as scratch:
            while runs:
                left, lanes = runs.pop(0)
                scratch.begin(left.keys)
                self._walked(lanes, left, scratch)
                left.finish()
        for unit in units:
            if not unit.is_possible:
                unit.instead()

    def _ordered(self, units: Sequence[Unit]) -> Iterator[tuple["_Left", Sequence["_Lane"]]]:
        try:
            yield _Left(units, self._files), _lanes(units, self._files)
        except _CrossedError:
            # No order suits all of them, as only a file made for it has it: each is served alone.
            for unit in units:
                if len(units) > 1:
                    yield from self._ordered((unit,))
                else:
                    unit.is_possible = False

    def _walked(self, lanes: Sequence["_Lane"], left: "_Left", scratch: Scratch) -> None:
        with ExitStack() as stack:
            opened: dict[int, Opened] = {}
            unread = {key for key in left.keys if scratch.held(key) is None}
            for file in sorted({file for file, _ in unread}):
                with _noted(left, (key for key in unread if key[0] == file)):
                    opened[file] = stack.enter_context(self._files[file].opened())
            for lane in lanes:
                self._through(lane, left, opened, scratch)

    def _through(self, lane: "_Lane", left: "_Left", opened: Mapping[int, Opened], scratch: Scratch) -> None:
        nodes: dict[Key, Node] = {}
        for key in lane.cuts:
            if key in left.keys:
                with _noted(left, (key,)):
                    nodes[key] = self._node(lane, key, opened, scratch)
        for start in range(0, lane.length, lane.step):
            count = min(lane.step, lane.length - start)
            lane.hand_out(left, dict(self._slices(lane, left, nodes, start, count)))
        for key, node in nodes.items():
            with _noted(left, (key,)):
                node.close()
                if key in left.keys:
                    scratch.passed(key)

    def _node(self, lane: "_Lane", key: Key, opened: Mapping[int, Opened], scratch: Scratch) -> Node:
        file, name = key
        pieces, inner = lane.cuts[key]
        held = scratch.held(key)
        if held is not None:
            node = (Node if held[1].strides is None else ScatteredNode)(
                *held, pieces, lane.length * inner, None
            )
            node.is_copy = True
            return node
        region = self._files[file].region(name, opened[file])
        if region.bits < 8 and (pieces > 1 or region.strides is not None):
            raise CannotRead("packs elements that are wanted one by one")
        source = scratch.noted(key, opened[file], region)
        if region.strides is not None:
            return ScatteredNode(source, region, pieces, lane.length * inner, None)
        keeper = self._windows[file].keeper(name, region.begin)
        return Node(source, region, pieces, lane.length * inner, keeper)

    def _slices(
        self, lane: "_Lane", left: "_Left", nodes: Mapping[Key, Node], start: int, count: int
    ) -> Iterator[tuple[Key, Slice]]:
        for key, node in nodes.items():
            if key not in left.keys:
                continue
            inner = lane.cuts[key][1]
            with _noted(left, (key,)):
                found = node.load(start * inner, count * inner)
                if self._told is not None and not node.is_copy:
                    self._told(key[0], found.raw.size * lane.bits[key] // 8)
                yield key, found


def _key(member: Member, files: Sequence[AdapterWeights]) -> Key:
    """A tensor, the first of its names where a file of torch has it under several."""
    return member.file, files[member.file].shared.twins.get(member.name, member.name)


class _Left:
    """The units that are still being summed up; ``keys`` are the tensors that they read."""

    def __init__(self, units: Sequence[Unit], files: Sequence[AdapterWeights]) -> None:
        self._units = units
        self._lost: set[int] = set()
        self._owner = {id(item): number for number, unit in enumerate(units) for item in unit.running}
        self._keys = [{_key(member, files) for member in unit.members} for unit in units]
        self.keys: set[Key] = set().union(*self._keys)

    def has(self, running: Running) -> bool:
        """Whether somebody still wants what passes by."""
        return self._owner[id(running)] not in self._lost

    def lose(self, running: Running) -> None:
        """Somebody who cannot go on."""
        self._gone({self._owner[id(running)]})

    def lose_readers(self, key: Key) -> None:
        """Everybody who reads a tensor that cannot be read."""
        self._gone({number for number, keys in enumerate(self._keys) if key in keys})

    def finish(self) -> None:
        """All has passed."""
        for number, unit in enumerate(self._units):
            if number in self._lost:
                unit.instead()
            else:
                unit.done()

    def _gone(self, numbers: set[int]) -> None:
        self._lost |= numbers
        self.keys = set().union(*(keys for n, keys in enumerate(self._keys) if n not in self._lost))


@contextmanager
def _noted(left: _Left, keys: Iterator[Key] | tuple[Key, ...]) -> Iterator[None]:
    """Who wanted tensors that cannot be read, or do not fit into memory, reads for himself, and is told the reason."""
    try:
        yield
    except (CannotRead, MemoryError):
        for key in list(keys):
            left.lose_readers(key)


class _Lane:
    """Tensors that are walked through together: ``cuts`` are (pieces, elements of a piece for one step of length)."""

    def __init__(self, strands: Sequence[tuple[Running, int]], files: Sequence[AdapterWeights]) -> None:
        self._strands = strands
        every = [running.strands[number] for running, number in strands]
        self._files = files
        members = [m for strand in every for m in strand.members]
        infos = {_key(m, files): files[m.file].tensors[m.name] for m in members}
        lengths = {strand.length for strand in every if strand.length is not None}
        shapes: dict[tuple[int, ...], set[int]] = {}
        for strand in every:
            for m in strand.members if strand.length is not None else ():
                shapes.setdefault(infos[_key(m, files)].shape, set()).add(m.pieces)
        if len(lengths) > 1 or any(len(pieces) > 1 for pieces in shapes.values()):
            raise _CrossedError
        self.length = max(lengths) if lengths else max(info.elements for info in infos.values())
        self.cuts = {
            key: self._cut(info.elements, *shapes.get(info.shape, {1})) for key, info in infos.items()
        }
        self.bits = {key: BITS[info.dtype] for key, info in infos.items()}
        refs = (files[file].refs.get(name) for file, name in infos)
        scattered = {ref.shape for ref in refs if ref is not None and not ref.is_contiguous}
        self._rows = 1
        if not lengths and len(scattered) == 1:
            self._turn(*scattered)

    def _turn(self, shape: tuple[int, ...]) -> None:
        """Cut tensors of one shape, of which some lie turned round in their storage, so that its runs are long.

        Whole rows make runs as long as there are rows in a slice; where these are few, a piece of every row does.
        """
        width = shape[-1]
        if width * sum(self.bits.values()) * RUN <= 8 * ROOM or self.length != prod(shape):
            self._rows = width
        elif self.length > width:
            self.length = width
            self.cuts = dict.fromkeys(self.cuts, (prod(shape) // width, 1))

    def _cut(self, elements: int, pieces: int) -> tuple[int, int]:
        inner = elements // (pieces * self.length) if elements else 0
        if elements != pieces * self.length * inner:
            raise _CrossedError
        return pieces, inner

    @property
    def step(self) -> int:
        """How much of the length is in memory at a time."""
        bits = sum(pieces * inner * self.bits[key] for key, (pieces, inner) in self.cuts.items())
        whole = lcm(*(ALIGNED // gcd(inner, ALIGNED) for pieces, inner in self.cuts.values() if pieces == 1))
        most = 8 * ROOM // max(bits, 1)
        rows = lcm(whole, self._rows)
        whole = rows if rows <= most else whole
        return max(1, most // whole) * whole

    def hand_out(self, left: _Left, slices: Mapping[Key, Slice]) -> None:
        """Hand slices to everybody who is still there."""
        for running, number in self._strands:
            if left.has(running):
                members = running.strands[number].members
                try:
                    running.take(number, [slices[_key(member, self._files)] for member in members])
                except (CannotRead, MemoryError):
                    left.lose(running)


def _lanes(units: Sequence[Unit], files: Sequence[AdapterWeights]) -> list[_Lane]:
    """All strands, those that share a tensor together, in an order that suits everybody. Raises _CrossedError."""
    strands = [
        (item, number) for unit in units for item in unit.running for number in range(len(item.strands))
    ]
    lane_of: dict[Key, int] = {}
    merged: dict[int, list[tuple[Running, int]]] = {}
    for place, (item, number) in enumerate(strands):
        merged[place] = [(item, number)]
        keys = [_key(member, files) for member in item.strands[number].members]
        for other in {lane_of[key] for key in keys if key in lane_of}:
            merged[place] = merged.pop(other) + merged[place]
        lane_of.update({_key(m, files): place for i, n in merged[place] for m in i.strands[n].members})
    at = {(id(item), number): place for place, some in merged.items() for item, number in some}
    order: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(merged, ()))
    for item, number in strands:
        if number:
            order.add(at[id(item), number], at[id(item), number - 1])
    try:
        return [_Lane(merged[place], files) for place in order.static_order()]
    except CycleError as error:
        raise _CrossedError from error


def _runs(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Units whose files may be open, and whose sums may be in memory, at one time; by the last file of each."""
    some: list[Unit] = []
    open_files: set[int] = set()
    memory = 0
    for unit in sorted(units, key=lambda unit: max(unit.files, default=0)):
        wanted = sum(item.memory for item in unit.running)
        if some and (memory + wanted > STATE or len(open_files | unit.files) > OPEN):
            yield some
            some, open_files, memory = [], set(), 0
        some.append(unit)
        open_files |= unit.files
        memory += wanted
    if some:
        yield some
