"""Make external text safe to send: no control characters, markup or mentions, limited size."""

import re
import unicodedata
from collections.abc import Callable

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)", re.S)
_NEW_LINES = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_JOINERS = "\u200c\u200d"  # needed by Persian and Hindi words and some emoji
_MENTIONS = re.compile(r"@|<|\](?=\()")
_MARKDOWN = re.compile(r"([\\*_~|`>#\[\]])")
ZERO_WIDTH = "\u200b"

Style = Callable[[str], str]


def clean(text: str) -> str:
    """Return the text without control characters except newline and tab.

    Surrogates become U+FFFD.
    """
    kept = _NEW_LINES.sub("\n", _ESCAPES.sub("", text))
    return "".join(_visible(one) for one in kept)


def separated(text: str) -> str:
    """Replace each escape sequence by one without a letter or digit at its ends."""
    return _ESCAPES.sub("\x1b[~", text)


def one_line(text: str) -> str:
    """Return the text as one line, so that it cannot add a line or a header."""
    return " ".join(clean(text).split())


def plain(text: str) -> str:
    """Return the text unchanged, for mail and programs."""
    return text


def chat(text: str) -> str:
    """Disarm mentions (`@name`, `<!name>`) and hidden links (`[text](link)`) for chat services.

    An invisible zero-width character after the first character breaks them in every dialect.
    """
    return _MENTIONS.sub(lambda found: found[0] + ZERO_WIDTH, text)


def markdown(text: str) -> str:
    """Escape text for chats that render Markdown and get the text from apprise unescaped."""
    lines = chat(text).split("\n")
    return "\n".join(line if _is_link(line) else _MARKDOWN.sub(r"\\\1", line) for line in lines)


def beginning(text: str, limit: int) -> str:
    """Return the start of the text, at most `limit` bytes, with an ellipsis if it is cut."""
    data = text.encode()
    if len(data) <= limit:
        return text
    return data[: max(0, limit - 3)].decode(errors="ignore").rstrip("\\") + "…"


def ending(text: str, limit: int, style: Style = plain) -> tuple[str, int]:
    """Return the last lines that fit into `limit` bytes, styled, and the number of bytes cut."""
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
    # Direction marks and zero-width characters can hide text.
    return "" if category == "Cf" else " "


def _is_link(line: str) -> bool:
    return re.fullmatch(r"https?://[\w./:*%?&=#~+-]+", line) is not None
