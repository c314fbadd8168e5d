"""What a rule that looks through a whole snapshot has to admit."""

from collections.abc import Iterator

from auditor.model import Skip, name_of
from auditor.runs import Contents


def unread(contents: Contents, *names: str) -> Iterator[Skip]:
    """One reason for each file of these names that was not read."""
    for item in contents.unread:
        if name_of(item.path) in names:
            yield Skip(f"{item.path} was not read: {item.state}")
