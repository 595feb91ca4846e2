"""Text from outside, made fit to be sent: no control characters, no markup, no mentions, so many bytes and not more."""

import re
import unicodedata
from collections.abc import Callable

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)", re.S)
_NEW_LINES = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_JOINERS = "\u200c\u200d"  # Persian and Hindi words need them, and some emoji
_MENTIONS = re.compile(r"@|<|\](?=\()")
_MARKDOWN = re.compile(r"([\\*_~|`>#\[\]])")
ZERO_WIDTH = "\u200b"

Style = Callable[[str], str]


def clean(text: str) -> str:
    """The text with newlines and tabs as its only control characters; what is no character at all becomes U+FFFD."""
    kept = _NEW_LINES.sub("\n", _ESCAPES.sub("", text))
    return "".join(_visible(one) for one in kept)


def separated(text: str) -> str:
    """The text with each escape sequence as one that neither begins nor ends with a letter or a digit."""
    return _ESCAPES.sub("\x1b[~", text)


def one_line(text: str) -> str:
    """The text as a subject can be: what would begin another line or header is a blank."""
    return " ".join(clean(text).split())


def plain(text: str) -> str:
    """For mail and for programs, which take text as text."""
    return text


def chat(text: str) -> str:
    """For services in which `@name` and `<!name>` call people, and `[text](link)` hides a link.

    A character of no width after the first one breaks all of these, in every dialect, and is not seen.
    """
    return _MENTIONS.sub(lambda found: found[0] + ZERO_WIDTH, text)


def markdown(text: str) -> str:
    """For chats that render Markdown, and whose text apprise passes on as it is."""
    lines = chat(text).split("\n")
    return "\n".join(line if _is_link(line) else _MARKDOWN.sub(r"\\\1", line) for line in lines)


def beginning(text: str, limit: int) -> str:
    """As much of the text as `limit` bytes hold, with an ellipsis if that is not all."""
    data = text.encode()
    if len(data) <= limit:
        return text
    return data[: max(0, limit - 3)].decode(errors="ignore").rstrip("\\") + "…"


def ending(text: str, limit: int, style: Style = plain) -> tuple[str, int]:
    """The last lines that fit into `limit` bytes, styled, and how many bytes of the text are left out before them."""
    kept: list[str] = []
    left = limit
    for line in reversed(text.split("\n")):
        size = len(style(line).encode()) + 1
        if size > left:
            break
        kept.append(line)
        left -= size
    if not kept:
        kept = [_ending_of_line(text.rsplit("\n", 1)[-1], limit, style)]
    told = "\n".join(reversed(kept))
    return style(told), len(text.encode()) - len(told.encode())


def _ending_of_line(line: str, limit: int, style: Style) -> str:
    while line and len(style(line).encode()) > limit:
        line = line[max(1, (len(style(line).encode()) - limit) // 8) :]
    return line


def _visible(one: str) -> str:
    if one in "\n\t" or one.isprintable() or one in _JOINERS:
        return one
    category = unicodedata.category(one)
    if category == "Cs":
        return "\ufffd"
    # Marks of direction, and what has no width, hide what a text says.
    return "" if category == "Cf" else " "


def _is_link(line: str) -> bool:
    return re.fullmatch(r"https?://[\w./:*%?&=#~+-]+", line) is not None
