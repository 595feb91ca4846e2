"""Check that the bytes of a file are CSV text."""

from typing import Any

from clearml_flows.tabular.data.problems import problem


def check_bytes(file: Any, max_line: int = 16_000_000) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read a binary file completely and check that it holds lines of UTF-8 text.

    Args:
        file: open for reading in binary, and seekable.
        max_line: the maximum length of a line in bytes.

    Returns:
        The problems, and the tolerated items: a byte order mark, line ends CR LF.
    """
    file.seek(0)
    head = file.read(1 << 12)
    what = recognise(head)
    if what:
        return [problem("", what, sample=repr(head.lstrip()[:16]))], []
    file.seek(0)
    wrong: dict[str, list[int]] = {}
    samples: dict[str, str] = {}
    blank, ends_crlf = True, False
    for number, line in enumerate(iter(lambda: file.readline(max_line), b""), start=1):
        if len(line) == max_line and not line.endswith(b"\n"):
            return [problem("", f"has a line of more than {max_line} bytes: is it text?", [number])], []
        blank = blank and not line.removeprefix(b"\xef\xbb\xbf").strip()
        ends_crlf = ends_crlf or line.endswith(b"\r\n")
        rule, sample = wrong_bytes(line)
        if rule:
            wrong.setdefault(rule, []).append(number)
            samples.setdefault(rule, sample)
    if blank:
        return [problem("", "is empty")], []
    notes = [problem("", "begins with a byte order mark", level="tolerated")] if head[:3] == b"\xef\xbb\xbf" else []
    if ends_crlf:
        notes.append(problem("", "has lines that end with CR LF", level="tolerated"))
    return [problem("", rule, rows, sample=samples[rule]) for rule, rows in wrong.items()], notes


def recognise(head: bytes) -> str:
    """Return the format of a file that is not CSV, with advice; empty if it may be CSV."""
    signatures = {
        b"PK\x03\x04": "is a zip file or an Excel workbook: unpack it, or export it as CSV",
        b"PK\x05\x06": "is an empty zip file: get the file again",
        b"\x1f\x8b": "is a gzip file: unpack it",
        b"BZh": "is a bzip2 file: unpack it",
        b"\xfd7zXZ\0": "is an xz file: unpack it",
        b"(\xb5/\xfd": "is a zstd file: unpack it",
        b"7z\xbc\xaf'\x1c": "is a 7z file: unpack it",
        b"Rar!": "is a rar file: unpack it",
        b"PAR1": "is a parquet file: export it as CSV",
        b"ARROW1": "is an Arrow file: export it as CSV",
        b"\x89HDF": "is an HDF5 file: export it as CSV",
        b"SQLite format 3\0": "is an SQLite database: export the table as CSV",
        b"%PDF": "is a PDF: export the data as CSV",
        b"\xd0\xcf\x11\xe0": "is an old Excel file: export it as CSV",
        b"\x80\x02": "is a pickle, which is never read: export it as CSV",
        b"\x80\x03": "is a pickle, which is never read: export it as CSV",
        b"\x80\x04": "is a pickle, which is never read: export it as CSV",
        b"\x80\x05": "is a pickle, which is never read: export it as CSV",
        b"\xff\xfe": "is UTF-16 text: save it as UTF-8",
        b"\xfe\xff": "is UTF-16 text: save it as UTF-8",
        b"version https://git-lfs": "is a pointer of Git LFS: fetch the file that it stands for",
    }
    for signature, rule in signatures.items():
        if head.startswith(signature):
            return rule
    # In UTF-16, Latin letters have a zero in every other byte.
    if min(head[0::2].count(0), head[1::2].count(0)) == 0 and head.count(0) * 3 > len(head):
        return "is UTF-16 text: save it as UTF-8"
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"<":
        return "is a web page or XML, not CSV: get the file again"
    return "is JSON, perhaps an error message, not CSV: get the file again" if first in (b"{", b"[") else ""


def wrong_bytes(line: bytes) -> tuple[str, str]:
    """Return the rule that a line's bytes break and the bytes around the error; empty if none."""
    nul = line.find(b"\0")
    if nul >= 0:
        return "has NUL bytes: save it as UTF-8 text", repr(line[max(0, nul - 8) : nul + 8])
    try:
        line.decode()
    except UnicodeDecodeError as error:
        around = repr(line[max(0, error.start - 8) : error.start + 8])
        if error.reason == "unexpected end of data" and not line.endswith(b"\n"):
            return "is cut short: the last character is not whole", around
        return "is not UTF-8 (Latin-1, perhaps): save it as UTF-8", around
    return "", ""
