"""What the readers of pickled files share: each takes its values out of one archive."""

from __future__ import annotations

from auditor.artifacts._base import Artifact
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from auditor.model import Blob


class Pickled(Artifact):
    """A file whose reader takes its values out of the archive, which is walked once for all readers of a file."""

    __slots__ = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Walk the pickle and take its values. Raises CannotRead."""
        return cls.taken(PickleArchive.parse(blob))

    @classmethod
    def taken(cls, archive: PickleArchive) -> Self:
        """The values of an archive, which is not changed. Raises CannotRead when it holds something else."""
        raise CannotRead("has no reader")
