"""Each field of the honest run changed alone raises a finding, or provably claims nothing."""

import fnmatch
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from auditor.model import Finding, folder_of, name_of
from tests.builders.torch_files import TorchFile
from tests.mutation import binaries, texts, torch_files
from tests.mutation.auditing import Auditor
from tests.mutation.no_claim import NO_CLAIMS, reason
from tests.mutation.values import Mutation

AT_LEAST = 0.95
"""Share of the edits that claim something and must be found."""
MOST_RULES = 1.02
"""Rules by which an edit is found on the average: one defect is one finding."""
SAMPLE = 3
"""One of so many edits of the files whose fields repeat each other's form is tried, chosen by checksum."""
_REPEATING = (
    "trainer_state.json",
    "training_args.bin",
    "optimizer.pt",
    "adapter_config.json",
    ".safetensors",
)


Maker = Callable[[str, bytes], Iterable[Mutation]]
_MAKERS: tuple[tuple[str, Maker], ...] = (
    ("tokenizer.json", texts.of_tokenizer),
    ("*.json", texts.of_json),
    ("README.md", texts.of_card),
    (".gitattributes", texts.of_attributes),
    ("optimizer.pt", torch_files.of_optimizer),
    ("rng_state.pth", torch_files.of_rng),
    ("scheduler.pt", torch_files.of_settings),
    ("training_args.bin", torch_files.of_settings),
    ("adapter_model.safetensors", binaries.of_tensors),
    ("events.out.tfevents.*", binaries.of_events),
)


def mutations(files: Mapping[str, bytes]) -> Iterator[Mutation]:
    """Every edit of every field of every file."""
    for path, data in files.items():
        make = next(make for name, make in _MAKERS if fnmatch.fnmatchcase(name_of(path), name))
        yield from make(path, data)


def sampled(found: Iterable[Mutation]) -> Iterator[Mutation]:
    """All edits of most files, a part of those of long ones."""
    for mutation in found:
        repeats = mutation.path.endswith(_REPEATING) or "tfevents" in mutation.path
        if not repeats or zlib.crc32(str(mutation).encode()) % SAMPLE == 0:
            yield mutation


def speaks_of(finding: Finding, path: str) -> bool:
    """Whether a finding lies in a file or names it: by its path, by its folder where it lies in another copy of the
    file, by its name where it lies in the same folder.
    """
    said = (finding.message, finding.expected, finding.observed, *finding.evidence)
    places = [place.path for place in (finding.at, *finding.also_at)]
    named = [path]
    if folder_of(path) and any(name_of(place) == name_of(path) for place in places):
        named.append(folder_of(path))
    if any(folder_of(place) == folder_of(path) for place in places):
        named.append(name_of(path))
    return path in places or any(name in (text or "") for name in named for text in said)


def test_every_field_changed_alone_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    auditor = Auditor()
    every = list(mutations(auditor.files))
    tried = list(sampled(every))
    excused = sum(reason(mutation) is not None for mutation in tried)
    caught, rules, missed = 0, 0, list[str]()
    for mutation in tried:
        if reason(mutation) is not None:
            continue
        found = auditor.new(mutation.path, mutation.data())
        if any(speaks_of(item, mutation.path) for item in found):
            caught, rules = caught + 1, rules + len({item.rule for item in found})
        else:
            missed.append(str(mutation))
    claiming = len(tried) - excused
    silent = sum(reason(mutation) is not None for mutation in every)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(tried):,} of {len(every):,} edits of one field tried: {caught:,} of {claiming:,} that claim "
            f"something are found ({caught / claiming:.1%}), by {rules / max(caught, 1):.2f} rules each; "
            f"{silent:,} of all claim nothing ({silent / len(every):.1%})\n"
        )
        sys.stdout.write("".join(f"  not found: {text}\n" for text in sorted(missed)))
    assert caught / claiming >= AT_LEAST
    assert rules / caught <= MOST_RULES


def test_every_excuse_is_needed_and_argued() -> None:
    """No reason without an edit that it excuses, and none that is a mere word."""
    tried = list(mutations(Auditor().files))
    for item in NO_CLAIMS:
        assert any(item.excuses(mutation) for mutation in tried), item
        assert len(item.why.split()) >= 6


def test_files_made_again_without_an_edit_raise_nothing() -> None:
    """The control: what is found is found because of the field, and not because the file was written anew."""
    auditor = Auditor()
    for path, data in auditor.files.items():
        if path.endswith((".pt", ".pth", "training_args.bin")):
            file = TorchFile(data)
            assert auditor.new(path, file.with_value(file.value)) == ()
        elif "tfevents" in path:
            assert binaries.EventFile(data).with_record(-1, b"") == data
