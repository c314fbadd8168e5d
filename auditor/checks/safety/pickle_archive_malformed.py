"""A torch file's zip archive is not as torch writes it.

torch.save stores one uncompressed archive with one data.pkl and numbered storages (torch 2.13.0,
serialization.py, `_save`). Paths that leave the archive, two entries of one name, compressed or encrypted
entries and sizes that lie are ways to make two readers see two different files.

Wrong when: the file was repacked by a tool that is not torch.

Fix: do not load the file; write it again with torch.save from a trusted copy.

Bad:
    extra.pt: archive with "archive/../../profile"

Good:
    # TorchScript keeps its constants in a second pickle
    model.pt: archive with "archive/constants.pkl", "archive/code/__torch__.py"
"""

from collections.abc import Iterator

from auditor.artifacts.pickle_archive import PickleArchive
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR


def check(archive: PickleArchive) -> Iterator[Problem]:
    """One finding a file. TorchScript keeps its constants in a second pickle, which is its format."""
    script = any("/code/" in name for name in archive.entries)
    problems = [text for text in archive.zip_problems if not (script and text.startswith("holds "))]
    if problems:
        more = len(problems) - 1
        yield Problem(
            f"the archive is not as torch writes it: {problems[0]}" + (f" (and {more} more)" if more else ""),
            archive.at(),
            expected="one uncompressed data.pkl and its storages",
            observed="; ".join(problems[:10]),
        )
