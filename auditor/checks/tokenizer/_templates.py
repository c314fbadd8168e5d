"""The chat templates of a folder, wherever they are kept."""

from collections.abc import Mapping

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.errors import CannotRead
from auditor.model import Blob

NAME = "chat_template.jinja"
SIZE_LIMIT = 4 * 1024 * 1024
"""Largest template file read, in bytes."""
DEFAULT = "default"


def in_config(config: TokenizerConfig) -> Mapping[str, str]:
    """Templates by name inside tokenizer_config.json; the only one is called ``default``."""
    if config.chat_template is not None:
        return {DEFAULT: config.chat_template}
    return config.chat_templates


def in_file(blob: Blob | None) -> str | None:
    """The text of chat_template.jinja, None when there is none. Raises CannotRead."""
    if blob is None:
        return None
    try:
        return blob.read(SIZE_LIMIT).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotRead(f"is not UTF-8 text (byte {error.start})") from error


def same(one: str, other: str) -> bool:
    """Whether two templates are one; white space at the ends comes and goes with the way of writing."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
