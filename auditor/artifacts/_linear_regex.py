"""A subset of Python's regular expressions in linear time: `re` on a hostile pattern may never return.

Thompson's construction, simulated with a set of states: work is at most (states x characters). Supported:
literals, ``.``, classes, groups without look-around, alternation, greedy and lazy repeats, and the anchors
``^``, ``$``, ``\\b``, ``\\B``, ``\\A``, ``\\Z``.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

PATTERN_LIMIT = 2_000
"""Longest pattern, in characters; the longest seen in a public adapter_config.json is below 500."""
NESTING_LIMIT = 50
STATE_LIMIT = 20_000
_REPEAT = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
_GROUP = re.compile(r"\((?:\?:|\?P<[^>]+>)?(?!\?)")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ASSERTIONS = {"\\b": "b", "\\B": "B", "\\A": "^", "\\Z": "$"}
_Test = str | re.Pattern[str]


class UnsupportedPatternError(ValueError):
    """The pattern is invalid, or uses what cannot be matched in linear time; the text says which."""


@dataclass(frozen=True, slots=True)
class _Node:
    """``kind`` is char, assert, cat, alt or repeat."""

    kind: str
    test: _Test = ""
    items: "tuple[_Node, ...]" = ()
    low: int = 0
    high: int | None = None


@dataclass(slots=True)
class _State:
    """``test`` is None for a fork; ``assertion`` is one of ``^ $ b B`` or empty."""

    test: _Test | None
    targets: tuple[int, ...]
    assertion: str = ""


class LinearPattern:
    """A compiled pattern. Raises UnsupportedPatternError at construction."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > PATTERN_LIMIT:
            raise UnsupportedPatternError(f"is longer than {PATTERN_LIMIT} characters")
        self._states: list[_State] = [_State(None, ())]
        self._start = self._emit(_Parser(pattern).parse(), 0)

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches, as `re.fullmatch` without flags would say."""
        current = self._closure({self._start}, text, 0)
        for position, character in enumerate(text):
            moved = {
                self._states[number].targets[0]
                for number in current
                if _accepts(self._states[number].test, character)
            }
            if not moved:
                return False
            current = self._closure(moved, text, position + 1)
        return 0 in current

    def _closure(self, numbers: set[int], text: str, position: int) -> set[int]:
        seen = set(numbers)
        stack = list(numbers)
        while stack:
            state = self._states[stack.pop()]
            if state.test is not None or (state.assertion and not _holds(state.assertion, text, position)):
                continue
            fresh = [target for target in state.targets if target not in seen]
            seen.update(fresh)
            stack.extend(fresh)
        return seen

    def _add(self, state: _State) -> int:
        if len(self._states) >= STATE_LIMIT:
            raise UnsupportedPatternError("repeats too much to be matched safely")
        self._states.append(state)
        return len(self._states) - 1

    def _emit(self, node: _Node, after: int) -> int:
        """Add a node's states, built backwards; returns the state it starts in."""
        if node.kind == "char":
            return self._add(_State(node.test, (after,)))
        if node.kind == "assert":
            return self._add(_State(None, (after,), str(node.test)))
        if node.kind == "alt":
            return self._add(_State(None, tuple(self._emit(item, after) for item in node.items)))
        if node.kind == "cat":
            for item in reversed(node.items):
                after = self._emit(item, after)
            return after
        return self._emit_repeat(node, after)

    def _emit_repeat(self, node: _Node, after: int) -> int:
        body = node.items[0]
        start = after
        if node.high is None:
            start = self._add(_State(None, ()))
            self._states[start].targets = (self._emit(body, start), after)
        else:
            for _ in range(node.high - node.low):
                start = self._add(_State(None, (self._emit(body, start), after)))
        for _ in range(node.low):
            start = self._emit(body, start)
        return start


def _accepts(test: _Test | None, character: str) -> bool:
    if test is None:
        return False
    return test == character if isinstance(test, str) else test.fullmatch(character) is not None


def _holds(assertion: str, text: str, position: int) -> bool:
    if assertion == "^":
        return position == 0
    if assertion == "$":
        return position == len(text) or (position == len(text) - 1 and text[position] == "\n")
    before = position > 0 and _is_word(text[position - 1])
    here = position < len(text) and _is_word(text[position])
    # `re` before Python 3.14 says that \B does not match the empty string; module names are never empty.
    return (before != here) is (assertion == "b")


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0

    def parse(self) -> _Node:
        """Parse everything. Raises UnsupportedPatternError."""
        node = self._alternatives()
        if self.at < len(self.pattern):
            raise UnsupportedPatternError(f"has an unbalanced parenthesis at position {self.at}")
        return node

    def _alternatives(self) -> _Node:
        found = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            found.append(self._sequence())
        return found[0] if len(found) == 1 else _Node("alt", items=tuple(found))

    def _sequence(self) -> _Node:
        items: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._repeated(self._atom()))
        return _Node("cat", items=tuple(items))

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _repeated(self, node: _Node) -> _Node:
        bounds = self._quantifier()
        if bounds is None:
            return node
        if node.kind == "assert":
            raise UnsupportedPatternError(f"repeats an anchor at position {self.at}")
        low, high = bounds
        if high is not None and low > high:
            raise UnsupportedPatternError(f"has a repeat with its bounds reversed at position {self.at}")
        if self._peek() == "?":
            self.at += 1
        if self._peek() == "+" or self._quantifier() is not None:
            raise UnsupportedPatternError(f"repeats a repeat at position {self.at}")
        return _Node("repeat", items=(node,), low=low, high=high)

    def _quantifier(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._peek() in simple:
            self.at += 1
            return simple[self.pattern[self.at - 1]]
        match = _REPEAT.match(self.pattern, self.at)
        if match is None or match.group() == "{}":
            return None
        if max(len(match.group(1)), len(match.group(3) or "")) > 4:
            raise UnsupportedPatternError("repeats too much to be matched safely")
        self.at = match.end()
        low = int(match.group(1) or 0)
        if match.group(2) is None:
            return low, low
        return low, int(match.group(3)) if match.group(3) else None

    def _atom(self) -> _Node:
        character = self._peek()
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if character in ("*", "+", "?"):
            raise UnsupportedPatternError(f"has nothing to repeat at position {self.at}")
        self.at += 1
        if character in ("^", "$"):
            return _Node("assert", character)
        return _Node("char", re.compile(".") if character == "." else character)

    def _group(self) -> _Node:
        match = _GROUP.match(self.pattern, self.at)
        if match is None:
            raise UnsupportedPatternError(f"uses a look-around, a flag or a condition at position {self.at}")
        self.at = match.end()
        self.depth += 1
        if self.depth > NESTING_LIMIT:
            raise UnsupportedPatternError(f"nests more than {NESTING_LIMIT} groups")
        node = self._alternatives()
        self.depth -= 1
        if self._peek() != ")":
            raise UnsupportedPatternError("has an unclosed group")
        self.at += 1
        return node

    def _class(self) -> _Node:
        match = _CLASS.match(self.pattern, self.at)
        if match is None:
            raise UnsupportedPatternError(f"has an unclosed class at position {self.at}")
        self.at = match.end()
        # `[`, `&`, `~`, `|` in a class make `re` warn of future set operations; escaped they mean themselves.
        body = re.sub(
            r"\\.|[\[&~|]",
            lambda m: m[0] if len(m[0]) > 1 else "\\" + m[0],
            match.group()[1:],
            flags=re.DOTALL,
        )
        return _Node("char", _single("[" + body))

    def _escape(self) -> _Node:
        text = self.pattern[self.at : self.at + 2]
        self.at += 2
        if text in _ASSERTIONS:
            return _Node("assert", _ASSERTIONS[text])
        if text[1:] in tuple("dDwWsSntrfv") or (text[1:] and not text[1].isalnum()):
            return _Node("char", _single(text))
        raise UnsupportedPatternError(f"uses {text!r}, a back-reference or an escape that is not understood")


def _single(text: str) -> re.Pattern[str]:
    if "--" in text:
        raise UnsupportedPatternError("uses a set difference")
    try:
        return re.compile(text)
    except re.error as error:
        raise UnsupportedPatternError(f"has an invalid class: {error.msg}") from error


@lru_cache(maxsize=1024)
def compile_linear(pattern: str) -> LinearPattern:
    """A compiled pattern, remembered. Raises UnsupportedPatternError."""
    return LinearPattern(pattern)
