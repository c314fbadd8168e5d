"""Configurations in YAML: plain values by the safe loader, within the bounds of a card's front matter."""

from collections.abc import Mapping

from auditor.artifacts._front_matter import TEXT_LIMIT, parse_yaml_mapping
from auditor.errors import CannotRead
from auditor.model import Blob


def read_yaml(blob: Blob) -> Mapping[str, object]:
    """A YAML mapping: no tag is executed, aliases, depth, size and nodes are bounded, no key stands twice.

    Raises CannotRead. The loader is imported here, so that a repository without such a file never pays for it.
    """
    data = blob.read(4 * TEXT_LIMIT)
    try:
        return parse_yaml_mapping(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CannotRead(f"is not UTF-8 text (byte {error.start})") from error
    except ValueError as error:
        raise CannotRead(f"is not usable YAML: {error}") from error
