"""Positions of assignments in a HOCON text, for edits that keep every other byte.

ClearML's parser gives the values of a clearml.conf, but no positions and no comments. This scanner reads only the part
of the language that edits need, and it refuses everything else. Callers check an edited text with that parser.
"""

import re
from dataclasses import dataclass

_BLANK = re.compile(r"(?:[\s,\ufeff]|#[^\n]*|//[^\n]*)*")
_GAP = re.compile(r"(?:\s|#[^\n]*|//[^\n]*)*")
_KEY = re.compile(r'"((?:[^"\\\n]|\\.)*)"[ \t]*|([^\s"=:{}\[\],#+$](?:[^"=:{}\[\],#+$\n]*))')
_INCLUDE = re.compile(r'include\b[ \t]*(?:"|url\(|file\(|required\()[^\n]*')
_STRING = re.compile(r'"""(?:.|\n)*?"""+|"(?:[^"\\\n]|\\.)*"')
_SUBSTITUTION = re.compile(r"\$\{[^}\n]*\}")
_WORD = re.compile(r'(?:[^\s"\[\]{},#$\\]|\\.)+')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class NotUnderstood(Exception):
    """The text is no HOCON, or uses a feature that this scanner does not read."""


@dataclass(frozen=True)
class Assigned:
    """A path and the span of its value. For an object, the span is between its braces."""

    path: tuple[str, ...]
    start: int
    end: int
    is_object: bool = False


def assignments(text: str) -> list[Assigned]:
    """Return all assignments in the order of the text, an object before its members.

    The whole text is the object with the path (). Raises NotUnderstood.
    """
    scanner = _Scanner(text)
    start = scanner.pass_over(_BLANK, 0)
    if text[start : start + 1] == "{":
        end = scanner.object((), start)
        if scanner.pass_over(_BLANK, end) != len(text):
            raise NotUnderstood
    else:
        scanner.body((), 0, "")
    return scanner.found


def values(text: str) -> dict[tuple[str, ...], str]:
    """Return the plain values by path, without quotes. Raises NotUnderstood.

    Includes and substitutions are not resolved.
    """
    plain = (one for one in assignments(text) if not one.is_object)
    return {one.path: unquoted(text[one.start : one.end]) for one in plain}


def quoted(value: str) -> str:
    """Return a value without control characters as a HOCON string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(source: str) -> str:
    if source.startswith('"""'):
        return source[3:-3]
    inner = source[1:-1] if source.startswith('"') else source
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), inner)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Assigned] = []

    def pass_over(self, what: re.Pattern[str], at: int) -> int:
        match = what.match(self.text, at)
        return match.end() if match else at

    def object(self, path: tuple[str, ...], brace: int) -> int:
        """Read an object from its opening brace. Return the position after it."""
        return self.body(path, brace + 1, "}") + 1

    def body(self, path: tuple[str, ...], start: int, closing: str) -> int:
        """Read assignments up to `closing` or the end of the text. Return the end position."""
        place = len(self.found)
        self.found.append(Assigned(path, start, start, is_object=True))
        at = self.pass_over(_BLANK, start)
        while self.text[at : at + 1] != closing:
            at = self.pass_over(_BLANK, self.member(path, at))
        self.found[place] = Assigned(path, start, at, is_object=True)
        return at

    def member(self, path: tuple[str, ...], at: int) -> int:
        if include := _INCLUDE.match(self.text, at):
            return include.end()
        key = _KEY.match(self.text, at)
        if not key:
            raise NotUnderstood
        names = (unquoted(key[0].strip()),) if key[2] is None else tuple(key[2].strip().split("."))
        at = self.pass_over(_GAP, key.end())
        if self.text[at : at + 1] == "{":
            return self.object((*path, *names), at)
        if self.text[at : at + 1] not in ("=", ":"):
            raise NotUnderstood
        return self.value((*path, *names), self.pass_over(_GAP, at + 1))

    def value(self, path: tuple[str, ...], start: int) -> int:
        if self.text[start : start + 1] == "{":
            return self.ended(self.object(path, start))
        end = at = start
        while at < len(self.text) and self.text[at] not in ",\n}" and not self.is_comment(at):
            at = self.token(at)
            end = at
            at = self.blanks(at)
        if end == start:
            raise NotUnderstood
        self.found.append(Assigned(path, start, end))
        return at

    def ended(self, at: int) -> int:
        """Return the position after an object. Raises NotUnderstood if a value is joined to it."""
        after = self.blanks(at)
        if after < len(self.text) and self.text[after] not in ",\n}" and not self.is_comment(after):
            raise NotUnderstood
        return at

    def token(self, at: int) -> int:
        if self.text[at] in "[{":
            return self.nested(at)
        for kind in (_STRING, _SUBSTITUTION, _WORD):
            if match := kind.match(self.text, at):
                return match.end()
        raise NotUnderstood

    def nested(self, at: int) -> int:
        """Skip a list, or an object inside a value."""
        closing = {"[": "]", "{": "}"}[self.text[at]]
        at = self.pass_over(_BLANK, at + 1)
        while self.text[at : at + 1] != closing:
            if at >= len(self.text):
                raise NotUnderstood
            at = self.pass_over(_BLANK, at + 1 if self.text[at] in "=:+" else self.token(at))
        return at + 1

    def blanks(self, at: int) -> int:
        while self.text[at : at + 1] in (" ", "\t", "\r"):
            at += 1
        return at

    def is_comment(self, at: int) -> bool:
        return self.text[at] == "#" or self.text.startswith("//", at)
