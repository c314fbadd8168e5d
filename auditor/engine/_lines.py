"""On which line of its file a finding's member stands, so that forges show it where it is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from auditor.errors import CannotRead
from auditor.model import FileKind, Finding, Snapshot

_LIMIT = 128 * 1024
"""Largest file looked into, in bytes: declared configs and adapter_config.json have a few thousand."""
_MOST_FILES = 200
_DEPTH = 100
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
"""A string that nothing ends is one token: looked for from each of its quotes, the end would take hours."""
_MARK = "---"
_YAML = (".yaml", ".yml")
_ENDS = (".json", ".md", *_YAML)
_Finder = Callable[[str], int | None]


def numbered(findings: Sequence[Finding], snapshot: Snapshot) -> tuple[Finding, ...]:
    """Findings with the line of their JSON pointer or front matter key, where it was found in the head's file."""
    finders: dict[str, _Finder | None] = {}
    return tuple(_numbered(finding, snapshot, finders) for finding in findings)


def _numbered(finding: Finding, snapshot: Snapshot, finders: dict[str, _Finder | None]) -> Finding:
    path, member = finding.at.path, finding.at.member
    if not member or finding.state == "absent" or not path.endswith(_ENDS):
        return finding
    if path not in finders:
        finders[path] = _finder(snapshot, path) if len(finders) < _MOST_FILES else None
    find = finders[path]
    return finding if find is None else replace(finding, line=find(member))


def _finder(snapshot: Snapshot, path: str) -> _Finder | None:
    """What tells the line of a member in a file; a YAML document is parsed once for all that is asked of it."""
    text = _text(snapshot, path)
    if text is None:
        return None
    if path.endswith(_YAML):
        from auditor.engine._yaml_lines import finder

        return finder(text)
    return partial(line_of_pointer if path.endswith(".json") else line_in_card, text)


def _text(snapshot: Snapshot, path: str) -> str | None:
    blob = snapshot.files.get(path)
    if blob is None or blob.kind is not FileKind.FILE or blob.absent is not None or (blob.size or 0) > _LIMIT:
        return None
    try:
        return blob.read(_LIMIT).decode("utf-8-sig", "replace")
    except CannotRead:
        return None


def line_of_pointer(text: str, pointer: str) -> int | None:
    """The line, counted from 1, on which the key or item of a JSON pointer (RFC 6901) begins; None without one.

    The text need not be valid JSON; at most 100 levels are followed.
    """
    if not pointer.startswith("/"):
        return None
    scan = _Scan(parts_of(pointer))
    for token in _TOKEN.finditer(text):
        if scan.reaches(token[0]):
            return text.count("\n", 0, token.start()) + 1
        if len(scan.at) > _DEPTH:
            return None
    return None


def parts_of(pointer: str) -> list[str]:
    """The keys and indices that a JSON pointer (RFC 6901) names, from the root on."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


class _Scan:
    """Where in the document the tokens stand: ``at`` are keys and indices from the root on."""

    def __init__(self, wanted: list[str]) -> None:
        self.at: list[str] = []
        self._wanted = wanted
        self._arrays: list[bool] = []
        self._key_next = False

    def reaches(self, token: str) -> bool:
        """Go on by one token; whether the wanted member begins with it: its key, or an item of an array."""
        in_array = bool(self._arrays and self._arrays[-1])
        if token in ("}", "]"):
            self._leave()
        elif token == ",":
            self._next(in_array)
        elif token != ":":
            found = in_array and self.at == self._wanted
            if token in ("{", "["):
                self._enter(token == "[")
            elif self._key_next:
                self.at[-1], self._key_next = _unquoted(token), False
                found = self.at == self._wanted
            return found
        return False

    def _enter(self, array: bool) -> None:
        self._arrays.append(array)
        self.at.append("0" if array else "")
        self._key_next = not array

    def _leave(self) -> None:
        if self._arrays:
            self._arrays.pop()
            self.at.pop()
        self._key_next = False

    def _next(self, in_array: bool) -> None:
        if in_array:
            self.at[-1] = str(int(self.at[-1]) + 1)
        elif self._arrays:
            self._key_next = True


def _unquoted(token: str) -> str:
    import json

    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1]


def line_in_card(text: str, member: str) -> int | None:
    """The line of a front matter key, or of a pointer into the configuration that a platform wrote into the card."""
    if not member.startswith("/"):
        return line_of_key(text, member)
    from auditor.engine._yaml_lines import finder
    from auditor.recipes._platforms import card_block

    block = card_block(text)
    find = finder(block[1]) if block else None
    line = find(member) if find else None
    return None if line is None or block is None else line + text.count("\n", 0, block[2])


def line_of_key(text: str, key: str) -> int | None:
    """The line of a key at the top level of a model card's front matter; None without front matter or key."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != _MARK:
        return None
    for number, line in enumerate(lines[1:], 2):
        if line.strip() == _MARK:
            return None
        if line.startswith(f"{key}:"):
            return number
    return None
