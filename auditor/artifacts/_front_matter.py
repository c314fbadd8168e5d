"""The YAML block at the head of a model card, made of plain values whatever the author wrote."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

TEXT_LIMIT = 256 * 1024
"""Largest front matter that is parsed, in characters."""
NODE_LIMIT = 50_000
DEPTH_LIMIT = 50
ALIAS_LIMIT = 20
"""Most aliases; 20 cannot expand to more than some 1,600 copies (e**(20/e))."""
DIGIT_LIMIT = 400
"""Longest number; PyYAML's base-60 integers take quadratic time."""
_NUMBER = re.compile(r"[-+0-9a-fA-Fx_:.]*")
# huggingface_hub 1.x, repocard.py, REGEX_YAML_BLOCK: blank space may stand before the opening dashes.
_OPENING = re.compile(r"\s*---[ \t]*(?:\r\n|\r|\n)")
_CLOSING = re.compile(r"(?:^|\r\n|\r|\n)---[ \t]*(?:\r\n|\r|\n|$)")
_DASHES = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: .*)?\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """``values`` are None, bool, int, float, str, list and dict only; dates are ISO strings.

    ``present`` is True when a block was found, parsed or not; ``problems`` say what is wrong with it.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    body: str = ""
    present: bool = False
    problems: tuple[str, ...] = ()


class _TooMuchError(ValueError):
    """The YAML is larger than any card, or ambiguous; the text says how."""


def split_front_matter(text: str) -> FrontMatter:
    """Separate and parse the front matter of a card."""
    opening = _OPENING.match(text)
    if opening is None:
        return FrontMatter(body=text, problems=_why_none(text))
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        return FrontMatter(body=text, problems=("the front matter is opened by --- and never closed",))
    block, body = text[opening.end() : closing.start()], text[closing.end() :]
    problems: list[str] = []
    if (second := _OPENING.match(body)) and _CLOSING.search(body, second.end()):
        problems.append("a second block of front matter follows the first; only the first is read")
    if _CONFLICT.search(block):
        problems.append("merge conflict markers stand in the front matter")
    values: Mapping[str, object] = {}
    try:
        values = parse_yaml_mapping(block)
    except ValueError as error:
        problems.append(f"the front matter is not usable: {error}")
    return FrontMatter(values, body, True, tuple(problems))


def _why_none(text: str) -> tuple[str, ...]:
    """A block of dashes further down was meant as front matter when a conflict marker stands before it."""
    dashes = _DASHES.search(text)
    marker = _CONFLICT.search(text)
    if marker and dashes and marker.start() < dashes.start():
        line = text.count("\n", 0, marker.start()) + 1
        return (f"line {line} is a merge conflict marker before ---, so that no tool sees the front matter",)
    return ()


def composed(text: str) -> "yaml.Node | None":
    """The tree of a YAML document, each node with the place where it stands; None for an empty one.

    Raises ValueError for one that is too large, and yaml.YAMLError.
    """
    import yaml

    if len(text) > TEXT_LIMIT:
        raise _TooMuchError(f"it is longer than {TEXT_LIMIT} characters")
    _measure(yaml.parse(text, Loader=_loader()))
    return yaml.compose(text, Loader=_loader())


def _loader() -> "type[yaml.SafeLoader | yaml.CSafeLoader]":
    import yaml

    try:
        return yaml.CSafeLoader
    except AttributeError:  # PyYAML built without libyaml
        return yaml.SafeLoader


def parse_yaml_mapping(text: str) -> Mapping[str, object]:
    """YAML that is a mapping, as plain values with string keys. Raises ValueError with a reason."""
    import yaml

    try:
        _refuse_repeated(composed(text))
        value = yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(_sentence(error)) from error
    except _TooMuchError:
        raise
    # What PyYAML's own constructors raise on `!!int ""`, `!!bool maybe`, `!!timestamp x`, day 32 and the
    # like.
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"a value cannot be built ({type(error).__name__})") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"it is a {type(value).__name__} where a mapping is expected")
    plain = _Plain().of(value)
    return plain if isinstance(plain, dict) else {}


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _measure(events: Iterable[object]) -> None:
    """Walk the parser's events, which are flat, before anything nested is built from them."""
    from yaml import events as kinds

    depth = nodes = aliases = 0
    for event in events:
        nodes += isinstance(event, kinds.NodeEvent)
        aliases += isinstance(event, kinds.AliasEvent)
        depth += isinstance(event, kinds.CollectionStartEvent) - isinstance(event, kinds.CollectionEndEvent)
        if (
            isinstance(event, kinds.ScalarEvent)
            and len(event.value) > DIGIT_LIMIT
            and _NUMBER.fullmatch(event.value)
        ):
            raise _TooMuchError("it holds a number with too many digits")
        if depth > DEPTH_LIMIT:
            raise _TooMuchError(f"it is nested deeper than {DEPTH_LIMIT}")
        if nodes > NODE_LIMIT:
            raise _TooMuchError(f"it has more than {NODE_LIMIT} values")
        if aliases > ALIAS_LIMIT:
            raise _TooMuchError(f"it uses more than {ALIAS_LIMIT} aliases")


def _refuse_repeated(root: object) -> None:
    """Raise for a key that stands twice in one mapping: YAML 1.2 forbids it, and PyYAML keeps the last silently."""
    from yaml import nodes as kinds

    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, kinds.CollectionNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, kinds.SequenceNode):
            waiting.extend(node.value)
            continue
        keys = [key.value for key, _ in node.value if isinstance(key, kinds.ScalarNode) and key.value != "<<"]
        if len(set(keys)) < len(keys):
            twice = Counter(keys).most_common(1)[0][0]
            raise _TooMuchError(f"the key {twice[:60]!r} stands twice in one mapping")
        waiting.extend(value for _, value in node.value)


class _Plain:
    """Copies a YAML value into plain JSON-like values within a budget; a value that holds itself ends it."""

    def __init__(self) -> None:
        self.left = NODE_LIMIT

    def of(self, value: object, depth: int = 0) -> object:
        self.left -= 1
        if self.left < 0 or depth > DEPTH_LIMIT:
            raise _TooMuchError("it expands to too many values")
        if isinstance(value, dict):
            return {str(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, set):
            value = sorted(value, key=str)  # a set's own order differs from process to process
        if isinstance(value, list | tuple):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, bytes):
            return value.decode("utf-8", errors="replace")
        return value if isinstance(value, str | int | float | None) else str(value)
