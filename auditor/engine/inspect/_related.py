"""The weights of two folders compared: their relation, and tensor by tensor on demand, each byte read once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from auditor.compare.pairs import compare_folders, weights_blob
from auditor.engine.inspect._choice import Chosen
from auditor.engine.inspect._options import NOT_ASKED
from auditor.engine.inspect._relations import by_digest, is_equal
from auditor.engine.inspect._tangled import difference_of, in_one_pass, is_tangled
from auditor.model import AdapterComparison

if TYPE_CHECKING:
    from auditor.artifacts.adapter_weights import AdapterWeights
    from auditor.compare._sets import WeightSet
    from auditor.compare.adapters import Comparison
    from auditor.compare.tensors import WeightsDifference

Related = tuple[AdapterComparison, "WeightsDifference | None"]
Tell = Callable[[int], None]
"""Hears of bytes that were looked at."""


def related(one: Chosen, two: Chosen, numbers: bool, tensors: bool, tell: Tell) -> Related:
    """How the weights relate, and how their tensors do when asked for and there are any.

    Read twice are what `auditor.engine.inspect._weights.read_weights` reads twice, and of equal files what lies around
    their tensors: the header, torch's pickle.
    """
    left, right = weights_blob(one.run, one.folder), weights_blob(two.run, two.folder)
    if one.weights is not None and two.weights is not None and numbers:
        return _adapters(one, two, tensors, tell)
    if left is not None and right is not None:
        configs = one.config, two.config
        found = (
            compare_folders(one.folder, left, two.folder, right)
            if numbers
            else by_digest(left, right, configs)
        )
        return found, _by_tensor(one.set, two.set) if tensors else None
    if one.models and two.models:
        return _models(one, two, tensors, tell) if numbers else (_by_digests(one, two), None)
    kinds = [
        "an adapter" if blob is not None else "weights that are no PEFT adapter" for blob in (left, right)
    ]
    why = f"{one.path} is {kinds[0]} and {two.path} {kinds[1]}"
    found = AdapterComparison(str(one.path), str(two.path), "not comparable", why=why)
    return found, _by_tensor(one.set, two.set) if tensors else None


def _by_digests(one: Chosen, two: Chosen) -> AdapterComparison:
    """Two whole models whose numbers are not to be read."""
    base, head = one.model.identities, two.model.identities
    if base is not None and base == head:
        return AdapterComparison(str(one.path), str(two.path), "identical", 0.0, 1.0, 1.0)
    differ = "the files differ, and " if base is not None and head is not None else ""
    return AdapterComparison(str(one.path), str(two.path), "not comparable", why=f"{differ}{NOT_ASKED}")


def _adapters(one: Chosen, two: Chosen, tensors: bool, tell: Tell) -> Related:
    """Two adapters that were read, in one pass over both files."""
    from auditor.compare._one_pass import OnePass, Request
    from auditor.compare.adapters import needs_of
    from auditor.compare.tensors import WeightSet

    files = [side.weights for side in (one, two) if side.weights is not None]
    one_pass = OnePass(files)
    base, head = one_pass.views
    made = _comparison(one, two, base, head)
    numbers = 0, 1
    if made is not None:
        one_pass.ask(
            Request(partial(needs_of, numbers), made.look, partial(made.running, numbers)), made.parts
        )
    known = files[0].identity is not None and files[0].identity == files[1].identity
    if not tensors or known:
        one_pass.run(lambda file, size: tell(size))
        return _result(one, two, made), _by_tensor(one.set, two.set) if tensors else None
    from auditor.compare.tensors import TensorByTensor

    with TensorByTensor(WeightSet((base,)), WeightSet((head,))) as each:
        one_pass.ask(
            Request(partial(each.needs, numbers), each.look, partial(each.running, numbers)),
            each.names,
        )
        one_pass.run(lambda file, size: tell(size))
        return _result(one, two, made), difference_of(each)


def _comparison(
    one: Chosen, two: Chosen, base: "AdapterWeights", head: "AdapterWeights"
) -> "Comparison | None":
    """What compares the two; None where digests tell that they are equal."""
    from auditor.compare.adapters import as_stored, comparison

    left, right = weights_blob(one.run, one.folder), weights_blob(two.run, two.folder)
    if one.config is None or two.config is None:
        return as_stored(base, head)
    if left is not None and right is not None and is_equal(left, right, (one.config, two.config)):
        return None
    return comparison(base, one.config, head, two.config)


def _result(one: Chosen, two: Chosen, made: "Comparison | None") -> AdapterComparison:
    if made is None:
        return AdapterComparison(str(one.path), str(two.path), "identical", 0.0, 1.0, 1.0)
    found = made.result()
    if one.config is not None and two.config is not None:
        return found
    why = "without adapter_config.json on both sides the tensors were compared as they are stored"
    return replace(found, why=f"{found.why}; {why}" if found.why else why)


def _models(one: Chosen, two: Chosen, tensors: bool, tell: Tell) -> Related:
    """Two whole models: what is summed up of a tensor serves the relation and its own row."""
    models = one.model, two.model
    if not models[0].files or not models[1].files:
        whys = "; ".join((*models[0].problems, *models[1].problems))
        return AdapterComparison(str(one.path), str(two.path), "not comparable", why=whys), None
    known = models[0].identities is not None and models[0].identities == models[1].identities
    if any(is_tangled(item) for side in models for item in side.files):
        relation, difference = in_one_pass(*models, tensors=tensors and not known, tell=tell)
        return relation, difference or (_by_tensor(*models) if tensors else None)
    from auditor.compare._as_they_are import AsTheyAre

    found, sizes = AsTheyAre(*models), {**models[1].tensors, **models[0].tensors}

    def told(name: str) -> None:
        tell(2 * sizes[name].nbytes)

    if not tensors or known:
        found.look(found.names, told)
        return found.result(), _by_tensor(*models) if tensors else None
    from auditor.compare.tensors import TensorByTensor

    with TensorByTensor(*models) as each:
        each.look(each.names, told)
        have = [name for name in found.names if name in each.sums]
        found.take((name, each.sums[name]) for name in have)
        found.look(name for name in found.names if name not in each.sums)
        return found.result(), difference_of(each)


def _by_tensor(one: "WeightSet", two: "WeightSet") -> "WeightsDifference | None":
    if not one.files or not two.files:
        return None
    from auditor.compare.tensors import compare_weights

    return compare_weights(one, two)
