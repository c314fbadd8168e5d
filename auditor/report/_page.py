"""What every page is made with: templates that escape, a style, characters that hide made visible."""

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.report import _text as text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "html"


def environment(**words: object) -> "Environment":
    """Templates of the folder ``html``: autoescaped, strict, with ``text``, ``prose`` and ``words`` as globals."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
        keep_trailing_newline=True,
    )
    made.globals.update({"text": text, "prose": prose, "region": region, **words})
    return made


def style(*names: str) -> str:
    """Style sheets of the folder, one after the other."""
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def region(label: str) -> "Markup":
    """Attributes of a box that may scroll sideways: reached by the keyboard, and named for who does not see it."""
    from markupsafe import Markup

    return Markup(' tabindex="0" role="group" aria-label="{}"').format(text.visible(label))


def prose(sentence: str, limit: int = 1500) -> "Markup":
    """A sentence with what stood in backticks as code."""
    from markupsafe import Markup

    cut = text.visible(text.shorten(sentence, limit), keep="\n")
    parts = (Markup("<code>{}</code>" if ticked else "{}").format(part) for ticked, part in text.prose(cut))
    return Markup("").join(parts)


def _shown(value: object) -> object:
    """Control characters of the audited repository as visible escapes; the template's own markup as it is."""
    from markupsafe import Markup

    return (
        text.visible(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value
    )
