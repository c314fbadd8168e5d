"""A weight file is empty, cut off, or otherwise not what its format demands, so that nothing loads it.

safetensors checks header, offsets and length to the byte and refuses the file (safetensors 0.8.0, tensor.rs,
`read_metadata`); torch fails on a zip without its directory. Files of 0 and 2 bytes come from a full disk or a failed
upload, files without any tensor from a `state_dict` that was replaced before saving: PEFT then loads nothing and serves
the base model. A pickle that gives a tensor another storage, or other values, after it was made shows every reader of
its storages one set of numbers and gives whoever loads it another (torch 2.13.0, _weights_only_unpickler.py, BUILD).

Wrong when: a newer safetensors knows a number type that 0.8.0 does not, which this rule leaves alone.

Fix: upload the file again from the machine that trained; compare its size and digest there.

Bad:
    adapter_model.safetensors: cut to 1000 bytes

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts._safetensors import is_damage
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.checks._unread import unread
from auditor.model import Location, Problem, Severity, Skip, name_of
from auditor.runs import Contents

SEVERITY = Severity.ERROR


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """What could not be read because of its bytes; then adapters that hold no tensor."""
    for item in contents.unread:
        if not (AdapterWeights.matches(item.path) or ModelWeights.matches(item.path)):
            continue
        if item.state != "unreadable" or not is_damage(item.reason):
            yield from unread(contents, name_of(item.path)) if item.state == "unfetched" else ()
            continue
        blob = contents.snapshot.files.get(item.path)
        size = blob.size if blob is not None else None
        yield Problem(
            f"the file {item.reason}{_ENDS['no release of torch writes' in item.reason]}",
            Location(item.path),
            expected=_FORMS[item.path.endswith(".bin")],
            observed=f"{size:,} bytes" if size is not None else item.reason,
        )
    for folder in contents.folders.values():
        for weights in folder.all(AdapterWeights):
            if not weights.tensors:
                yield Problem(
                    f"the file holds no tensor ({weights.size:,} bytes), so nothing that was trained is in it",
                    weights.at(),
                    expected="the adapter's tensors",
                    observed="none",
                )


_ENDS = {
    False: ", so no program can load it",
    True: ": what a program loads is not what lies in it",
}
_FORMS = {False: "a safetensors file", True: "a file of torch.save"}
