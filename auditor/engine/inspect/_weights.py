"""The weight files of a run, read once: each described, compared with the one before it, and let go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from auditor.artifacts._safetensors import BITS, TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.compare.pairs import weights_blob
from auditor.engine.inspect._options import InspectOptions
from auditor.engine.inspect._relations import is_equal
from auditor.engine.inspect._seed import is_looked_for
from auditor.model import AdapterComparison
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from auditor.compare._names import Modules
    from auditor.compare._one_pass import OnePass
    from auditor.compare._sides import Side
    from auditor.compare._slices import Running
    from auditor.compare._windows import Keep
    from auditor.compare.spectrum import Updates


@dataclass(slots=True)
class Read:
    """What one pass gave, by path: descriptions, groups of modules that repeat each other, relations of neighbours.

    ``views`` hold in memory what the seed's proof looks at: of each tensor so many numbers as ``held`` tells.
    """

    described: dict[str, "Updates"] = field(default_factory=dict)
    repeats: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    relations: dict[tuple[str, str], AdapterComparison] = field(default_factory=dict)
    views: Mapping[str, AdapterWeights] = field(default_factory=dict)
    held: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def weights_in(run: Run, folder: Folder) -> AdapterWeights | None:
    """The adapter's weights in a folder, those of a file under another name too; None when they were not read."""
    weights = folder.one(AdapterWeights)
    models = folder.all(ModelWeights)
    if weights is not None or weights_blob(run, folder) is not None or len(models) != 1:
        return weights
    return models[0] if models[0].pairs() else None


def has_weights(run: Run, folder: Folder) -> bool:
    """Whether a folder holds an adapter's weights, read or not."""
    return weights_blob(run, folder) is not None or weights_in(run, folder) is not None


def read_weights(run: Run, options: InspectOptions, told: Callable[[int], None]) -> Read:
    """Read all weights of a run, each byte once; ``told`` hears of the bytes of adapters, some at a time.

    Read again are: what two runs of `auditor.compare._lockstep` share, where temporary files have no room; of tensors
    above 20 MB in torch files what two of them share in part, and elements that lie in short runs far apart
    (`auditor.compare._slices.ScatteredNode`). Raises nothing.
    """
    found = Read()
    folders = [folder for folder in (*run.checkpoints, run.root) if has_weights(run, folder)]
    files = {folder.path: weights for folder in folders if (weights := weights_in(run, folder)) is not None}
    if not any(item.tensors for item in files.values()):
        return found
    from auditor.compare._one_pass import OnePass

    found.held = _held(run, options) if is_looked_for(run, options) else {}
    keep = {n: _keep(found.held[w.path]) for n, w in enumerate(files.values()) if w.path in found.held}
    one_pass = OnePass(tuple(files.values()), keep)
    places = {path: _Place(n, one_pass.views[n]) for n, path in enumerate(files)}
    sides = _Sides()
    for before, folder in zip((None, *folders), folders, strict=False):
        if folder.path in places and files[folder.path].pairs():
            _describe(one_pass, places[folder.path], folder.one(AdapterConfig), sides, found)
        if before is not None:
            _relate(run, one_pass, (before, folder), places, sides, found)
    adapters = [not isinstance(item, ModelWeights) for item in files.values()]
    one_pass.run(lambda file, size: told(size if adapters[file] else 0))
    found.views = {view.path: view for view in one_pass.views if view.path in found.held}
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """A file of the pass: its number, and its weights over what is held."""

    number: int
    weights: AdapterWeights


def _held(run: Run, options: InspectOptions) -> Mapping[str, Mapping[str, int]]:
    """By file the numbers of each tensor that stay in memory for the seed's proof."""
    from auditor.compare._windows import KEPT
    from auditor.compare.initial import IN_AN_AUDIT, Limits, first_adapters, numbers_held, structure_of

    is_asked = options.seed is not None or options.recover is not None
    limits = Limits() if is_asked else replace(Limits(), sample=IN_AN_AUDIT.sample)
    return {
        weights.path: numbers_held(weights, config, structure_of(run, config), limits, KEPT)
        for _, weights, config in first_adapters(run)
    }


def _keep(held: Mapping[str, int]) -> "Keep":
    """Bytes of a tensor's beginning that the seed's proof reads."""

    def keep(info: TensorInfo) -> int | None:
        count = held.get(info.name)
        return None if count is None else count * BITS[info.dtype] // 8

    return keep


class _Sides:
    """The modules of each file, and the sides of comparisons, of which each file is one of two."""

    def __init__(self) -> None:
        self._modules: dict[str, Modules] = {}
        self._known: dict[str, Side] = {}

    def modules(self, weights: AdapterWeights) -> "Modules":
        """As `modules_of`."""
        from auditor.compare._names import modules_of

        if weights.path not in self._modules:
            self._modules[weights.path] = modules_of(weights)
        return self._modules[weights.path]

    def __call__(self, weights: AdapterWeights, config: AdapterConfig) -> "Side":
        """As `side_of`. Raises NotComparableError."""
        from auditor.compare._sides import side_of

        if weights.path not in self._known:
            self._known[weights.path] = side_of(weights, config, self.modules(weights))
        return self._known[weights.path]


def _describe(
    one_pass: "OnePass", place: _Place, config: AdapterConfig | None, sides: _Sides, found: Read
) -> None:
    """Have a file described."""
    from auditor.compare._one_pass import Request
    from auditor.compare.conditions import Repeats
    from auditor.compare.spectrum import Updates

    updates, repeats = Updates(place.weights, config, sides.modules(place.weights)[0]), Repeats(place.weights)

    def work(modules: Sequence[str]) -> None:
        updates.look(modules)
        repeats.look(modules)

    def running(module: str) -> "Sequence[Running]":
        from auditor.compare._running import RunningMark

        mark = repeats.mark(module)
        marks = () if mark is None else (RunningMark(place.number, mark, repeats.take),)
        return (updates.running(module, place.number), *marks)

    def done() -> None:
        found.described[place.weights.path] = updates
        found.repeats[place.weights.path] = repeats.result()

    parts, number = updates.parts, place.number
    one_pass.ask(Request(lambda module: ((number, parts[module]),), work, running, done), parts)


def _relate(
    run: Run,
    one_pass: "OnePass",
    folders: tuple[Folder, Folder],
    places: Mapping[str, _Place],
    sides: _Sides,
    found: Read,
) -> None:
    """Have neighbours compared that were read, whose scales are known, and that digests do not tell to be equal."""
    from auditor.compare._one_pass import Request
    from auditor.compare.adapters import comparison, needs_of

    first, second = (places.get(folder.path) for folder in folders)
    one, two = (folder.one(AdapterConfig) for folder in folders)
    left, right = (weights_blob(run, folder) for folder in folders)
    if first is None or second is None or one is None or two is None:
        return
    if left is None or right is None or is_equal(left, right, (one, two)):
        return
    made = comparison(first.weights, one, second.weights, two, sides)

    def done() -> None:
        found.relations[first.weights.path, second.weights.path] = made.result()

    files = first.number, second.number
    one_pass.ask(Request(partial(needs_of, files), made.look, partial(made.running, files), done), made.parts)
