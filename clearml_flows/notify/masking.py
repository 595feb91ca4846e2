"""Mask secrets in texts: known formats of secrets, and the secret values of this process."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST = 6  # a shorter value is likely to occur in texts by chance
_NAME = re.compile(
    r"(^|_)(KEY|KEYS|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|PASSPHRASE|CREDENTIALS?|AUTH|COOKIE|DSN|WEBHOOK)(_|$)"
    r"|APIKEY|PASSWORD|SECRET|TOKEN|(WEBHOOK|HEARTBEAT)_URL|^FLOWS_NOTIFY_",
    re.I,
)
_WORD = (
    r"(?:pass(?:word|wd|phrase)|(?<![a-z])pass(?![a-z])|pwd|secret|token(?!s|iz)|credential|apikey"
    r"|(?:api|access|private|account|auth)[_-]?key)"
)
_NAMED = rf"({_WORD}s?[\w-]{{0,40}}[\"']?\s{{0,9}}(?:[:=]|=>)[^\S\n]*)"
_HEADER = r"(?:(?:proxy-)?authorization|x-[\w-]{0,40}?(?:key|token|auth)[\w-]{0,40}|(?:set-)?cookie)"
_IN_QUERY = r"key|sig|auth|code|[\w.-]{0,40}?(?:token|secret|signature|credential|pass)[\w.-]{0,40}"
_WEBHOOKS = r"hooks\.slack(?:-gov)?\.com/\w+|discord(?:app)?\.com/api/webhooks|api\.telegram\.org"
_TYPED = r"gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|hf_|KGAT_|sk-|pk_live_|sk_live_"
_ALONE, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+")

# The group `s` of each pattern is the secret.
_PATTERNS = [
    re.compile(pattern, re.S)
    for pattern in (
        r"(?P<s>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
        rf"(?i)\b{_HEADER}[\"']?\s*[:=]\s*(?P<s>[^\n]+)",
        r"\b(?i:bearer|basic)\s+(?P<s>(?=\S*[A-Z0-9=])[\w.~+/=-]{6,})",
        r"(?i)\b[a-z][a-z0-9+.-]{0,30}://(?P<s>[^\s/?#@\"']*(?:@[^\s/?#@\"']*)*)@",
        rf"(?i){_NAMED}(?P<s>\"[^\"\n]*\"?|'[^'\n]*'?)",
        rf"(?i){_NAMED}(?P<s>[^\s\"'&,;)}}\]]+)",
        rf"(?i)--?{_WORD}s?[\w-]{{0,40}}\s+(?P<s>[^\s\"']+)",
        rf"(?i)[?&](?:{_IN_QUERY})=(?P<s>[^\s&\"'#]+)",
        rf"(?i)https://(?:{_WEBHOOKS})/(?P<s>[^\s\"')>]+)",
        rf"{_ALONE}(?P<s>(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{{16}}){_END}",
        rf"{_ALONE}(?P<s>(?:{_TYPED})[\w-]{{10,}})",
        rf"{_ALONE}(?P<s>AIza[\w-]{{30,}})",
        r"(?<![\w-])(?P<s>eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)",
        r"(?<!\d)(?P<s>\d{8,10}:[\w-]{35})(?![\w-])",
        # ClearML's keys: upper case and digits, or 40 and more mixed characters. Hashes and ids are in lower case.
        rf"{_ALONE}(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])(?P<s>[A-Z0-9]{{20,}}){_END}",
        r"(?<![\w/+-])(?=\w*[0-9])(?=\w*[A-Z])(?=\w*[a-z])(?P<s>[A-Za-z0-9_]{40,}={0,2})(?![\w/+-])",
    )
]


class Masker:
    """Replaces secrets in texts with `***`.

    Args:
        environment: variables; the values of those with a secret name are masked.
        others: more values to mask.
    """

    def __init__(self, environment: Mapping[str, str], others: Iterable[str] = ()) -> None:
        named = [value for name, value in environment.items() if is_secret_name(name) and not _is_place(value)]
        values = {value.strip() for value in (*named, *others) if _tells(value.strip())}
        forms = {form for value in values for form in (value, quote(value, safe=""), quote_plus(value))}
        self._values = sorted(forms)

    def __call__(self, text: str) -> str:
        # Find all secrets in the original text: masking one first may hide the name that identifies the next.
        kept, place = [], 0
        for begin, end in sorted([*self._of_values(text), *_of_patterns(text)]):
            if begin >= place:
                kept += [text[place:begin], MASK]
            place = max(place, end)
        return "".join([*kept, text[place:]])

    def _of_values(self, text: str) -> Iterator[tuple[int, int]]:
        for value in self._values:
            begin = text.find(value)
            while begin >= 0:
                yield begin, begin + len(value)
                begin = text.find(value, begin + 1)


def _of_patterns(text: str) -> Iterator[tuple[int, int]]:
    for pattern in _PATTERNS:
        found = pattern.search(text)
        while found:
            yield found.span("s")
            # The text of one match may contain the name of the next secret.
            found = pattern.search(text, max(found.start() + 1, found.start("s")))


def _is_place(value: str) -> bool:
    """Return whether the value is an existing path: PWD and SSH_AUTH_SOCK are not secrets."""
    try:
        return value.startswith("/") and Path(value).exists()
    except (OSError, ValueError):
        return False


def is_secret_name(name: str) -> bool:
    return _NAME.search(name) is not None


def parts(url: str) -> list[str]:
    """Return the parts of a channel's URL that a library's message may repeat."""
    rest = url.partition("://")[2] or url
    found = [part for form in (rest, unquote(rest)) for part in re.split(r"[/?&=#:@+,]+", form)]
    return [part for part in dict.fromkeys(found) if _tells(part)]


def tokens(url: str) -> list[str]:
    """Return the parts of a channel's URL to mask in every text.

    Words and host names are left out.
    """
    password = unquote(_password(url))
    likely = [part for part in parts(url) if len(part) >= 8 and re.search(r"\d", part) and not _HOST.fullmatch(part)]
    return [url, *likely, *([password] if _tells(password) else [])]


def _password(url: str) -> str:
    found = re.match(r"[^/]+://[^/?#@]*?:([^/?#]*)@", url)
    return found[1] if found else ""


def _tells(value: str) -> bool:
    return len(value) >= SHORTEST and len(set(value)) > 2
