"""Which run of one side is set against which of the other: adapters by what they do, curves by tag and step."""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import SHARD
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.curves import RTOL, compare_series
from auditor.model import AdapterComparison, Blob, CurveComparison, folder_of, name_of
from auditor.runs import Folder, Run

TAGS = ("loss", "learning_rate", "grad_norm", "eval_loss")
"""The curves shown, in trainer_state's spelling; event files say ``train/loss`` and ``eval/loss`` for the same."""

Series = tuple[tuple[int, float], ...]
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def paired(base: Sequence[Run], head: Sequence[Run]) -> Iterator[tuple[Run | None, Run]]:
    """Every run of the head with the base's run of the same name, else with the one that was moved there, or None."""
    by_name = {run.name: run for run in base}
    names = {run.name for run in head}
    gone = [run for run in base if run.name not in names]
    by_name |= _moved(gone, [run for run in head if run.name not in by_name])
    for run in head:
        yield by_name.get(run.name), run


def _moved(gone: Sequence[Run], new: Sequence[Run]) -> Mapping[str, Run]:
    """Which runs that one side lacks are those that the other does, by the name of the new one.

    Those whose adapters have one digest; where each side has one left, that one.
    """
    left, found = list(gone), dict[str, Run]()
    for run in new:
        same = next((old for old in left if _has_adapter_of(old, run)), None)
        if same is not None:
            left.remove(same)
            found[run.name] = same
    if len(left) == 1 and len(new) - len(found) == 1:
        found |= {run.name: left[0] for run in new if run.name not in found}
    return found


def _has_adapter_of(one: Run, other: Run) -> bool:
    mine, theirs = weights_blob(one, one.root), weights_blob(other, other.root)
    return (
        mine is not None
        and theirs is not None
        and mine.identity is not None
        and mine.identity == theirs.identity
    )


def compare_adapters(base: Sequence[Run], head: Sequence[Run]) -> tuple[AdapterComparison, ...]:
    """The adapters of every pair of runs that both sides have, and those that were moved into another folder."""
    pairs = list(paired(base, head))
    both = [(one, two) for one, two in pairs if one is not None]
    alone = [(one, two) for one, two in pairs if one is None or bool(_own(one)) != bool(_own(two))]
    gone = [one for one, two in both if _own(one) and not _own(two)]
    gone += [run for run in base if _own(run) and not any(run is one for one, _ in both)]
    moved = _moved(gone, [two for _, two in alone if _own(two)])
    found = [_adapters(one, two) for one, two in both]
    found += [_adapters(moved[two.name], two) for _, two in alone if two.name in moved]
    return tuple(item for item in found if item is not None)


def _own(run: Run) -> Blob | None:
    return weights_blob(run, run.root)


def _adapters(base: Run, head: Run) -> AdapterComparison | None:
    one, two = weights_blob(base, base.root), weights_blob(head, head.root)
    if one is None and two is None:
        return _models(base, head)
    if one is None or two is None:
        return _kinds(one, base, two, head)
    return compare_folders(base.root, one, head.root, two)


def _kinds(one: Blob | None, base: Run, two: Blob | None, head: Run) -> AdapterComparison | None:
    """An adapter on one side and a whole model on the other; None where one side has neither."""
    mine, theirs = one or next(iter(_model_blobs(base)), None), two or next(iter(_model_blobs(head)), None)
    if mine is None or theirs is None:
        return None
    names = (f"{mine.path} is a whole model", f"{theirs.path} an adapter")
    if one is not None:
        names = (f"{mine.path} is an adapter", f"{theirs.path} a whole model")
    return AdapterComparison(mine.path, theirs.path, "not comparable", why=" and ".join(names))


def _models(base: Run, head: Run) -> AdapterComparison | None:
    """Two full fine-tunes: the weights of the whole model, in one file or in shards."""
    one, two = _model_blobs(base), _model_blobs(head)
    if not one or not two:
        return None
    names = one[0].path, two[0].path
    if all(blob.identity for blob in (*one, *two)) and [b.identity for b in one] == [b.identity for b in two]:
        return AdapterComparison(*names, "identical", 0.0, 1.0, 1.0)
    from auditor.compare.models import compare_models, model_of

    sides = model_of(base.contents, base.root), model_of(head.contents, head.root)
    lost = [blobs[0].path for blobs, side in zip((one, two), sides, strict=True) if not side.files]
    if lost:
        return AdapterComparison(*names, "not comparable", why=f"{' and '.join(lost)} could not be read")
    return compare_models(*sides)


def _model_blobs(run: Run) -> tuple[Blob, ...]:
    """The weight files of a whole model in a run's own folder: model.safetensors or its shards, else the .bin."""
    folder = run.contents.snapshot.under(run.path)
    own = {name_of(path): blob for path, blob in folder.items() if folder_of(path) == run.path}
    for stem, end in (("model", "safetensors"), ("pytorch_model", "bin")):
        found = tuple(
            blob
            for name, blob in own.items()
            if name == f"{stem}.{end}" or ((m := SHARD.match(name)) and (m["stem"], m["end"]) == (stem, end))
        )
        if found:
            return found
    return ()


def weights_blob(run: Run, folder: Folder) -> Blob | None:
    """The adapter's weight file in a folder, read or not."""
    return next((blob for name in _WEIGHTS if (blob := run.blob(name, folder)) is not None), None)


def compare_folders(base_folder: Folder, one: Blob, head_folder: Folder, two: Blob) -> AdapterComparison:
    """Two weight files: equal digests need no reading; unread ones are not comparable, with the reason."""
    configs = base_folder.one(AdapterConfig), head_folder.one(AdapterConfig)
    same_settings = configs[0] is not None and configs[1] is not None and configs[0].raw == configs[1].raw
    if one.identity is not None and one.identity == two.identity and same_settings:
        return AdapterComparison(one.path, two.path, "identical", 0.0, 1.0, 1.0)
    weights = base_folder.one(AdapterWeights), head_folder.one(AdapterWeights)
    if weights[0] is None or weights[1] is None:
        missing = [blob.path for blob, found in zip((one, two), weights, strict=True) if found is None]
        why = f"{' and '.join(missing)} could not be read"
        return AdapterComparison(one.path, two.path, "not comparable", why=why)
    if configs[0] is None or configs[1] is None:
        why = "one side has no readable adapter_config.json, so its scale is not known"
        return AdapterComparison(one.path, two.path, "not comparable", why=why)
    from auditor.compare.adapters import compare

    return compare(weights[0], configs[0], weights[1], configs[1])


def series_of(run: Run) -> Mapping[str, tuple[str, Series]]:
    """The curves of a run by tag, each with the file it was taken from: log_history first, else events."""
    found: dict[str, tuple[str, Series]] = {}
    states = [state for state in (run.root.one(TrainerState), run.latest(TrainerState)) if state is not None]
    for state in states:
        for tag in TAGS:
            points = state.logged(tag)
            if points and tag not in found:
                found[tag] = (state.path, points)
    for log in run.events:
        for tag in TAGS:
            name = f"eval/{tag.removeprefix('eval_')}" if tag.startswith("eval_") else f"train/{tag}"
            if tag not in found and name in log.scalars:
                found[tag] = (log.path, tuple((point.step, point.value) for point in log.scalars[name]))
    return found


def curves_of(run: Run) -> tuple[CurveComparison, ...]:
    """A run's own curves, with nothing on the other side."""
    return tuple(
        CurveComparison(tag, None, path, (), points, None, None)
        for tag, (path, points) in series_of(run).items()
    )


def compare_curves(
    base: Sequence[Run], head: Sequence[Run], tolerance: Mapping[str, float] | None = None
) -> tuple[CurveComparison, ...]:
    """The curves of every run of the head, against the base's where it has the same run.

    ``tolerance`` is relative, by tag; it widens the usual one and never narrows it.
    """
    found: list[CurveComparison] = []
    for one, two in paired(base, head):
        before = series_of(one) if one is not None else {}
        for tag, (path, points) in series_of(two).items():
            if tag in before:
                rtol = max(RTOL, (tolerance or {}).get(tag, 0.0))
                found.append(compare_series(tag, before[tag][0], before[tag][1], path, points, rtol))
            else:
                found.append(CurveComparison(tag, None, path, (), points, None, None))
    return tuple(found)
