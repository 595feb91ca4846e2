"""Secrets in texts, masked: what looks like one, and the values of this process's own."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST = 6  # a shorter value is found in texts that do not tell it
_NAME = re.compile(
    r"(^|_)(KEY|KEYS|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|PASSPHRASE|CREDENTIALS?|AUTH|COOKIE|DSN|WEBHOOK)(_|$)"
    r"|APIKEY|PASSWORD|SECRET|TOKEN|WEBHOOK_URL|^FLOWS_NOTIFY_",
    re.I,
)
_WORD = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credential|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?"
    r"|private[_-]?key|account[_-]?key|auth[_-]?key|signature)"
)
_NAMED = rf"({_WORD}s?[\w-]{{0,40}}[\"']?\s{{0,9}}(?:[:=]|=>)[^\S\n]*)"
_HEADER = r"(?:(?:proxy-)?authorization|x-[\w-]{0,40}?(?:key|token|auth)[\w-]{0,40}|(?:set-)?cookie)"
_IN_QUERY = r"key|sig|auth|code|[\w.-]{0,40}?(?:token|secret|signature|credential|pass)[\w.-]{0,40}"
_WEBHOOKS = r"hooks\.slack(?:-gov)?\.com/\w+|discord(?:app)?\.com/api/webhooks|api\.telegram\.org"
_TYPED = r"gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|hf_|KGAT_|sk-|pk_live_|sk_live_"
_ALONE, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+")

# Each keeps its groups and takes the rest away. The widest come first.
_PATTERNS = [
    (re.compile(pattern, re.S), kept)
    for pattern, kept in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", MASK),
        (rf"(?i)(\b{_HEADER}[\"']?\s*[:=]\s*)[^\n]+", rf"\1{MASK}"),
        (r"(?i)\b(bearer|basic)\s+(?!bearer\b|basic\b)[\w.~+/=-]{6,}", rf"\1 {MASK}"),
        (r"(?i)(\b[a-z][a-z0-9+.-]{0,30}://)[^\s/?#@\"']*@(?:[^\s/?#@\"']*@)*", rf"\1{MASK}@"),
        (rf"(?i){_NAMED}(?:\"[^\"\n]*\"?|'[^'\n]*'?)", rf"\1{MASK}"),
        (rf"(?i){_NAMED}[^\s\"'&,;)}}\]]+", rf"\1{MASK}"),
        (rf"(?i)(--?{_WORD}s?[\w-]{{0,40}}\s+)[^\s\"']+", rf"\1{MASK}"),
        (rf"(?i)([?&](?:{_IN_QUERY})=)[^\s&\"'#]+", rf"\1{MASK}"),
        (rf"(?i)(https://(?:{_WEBHOOKS})/)[^\s\"')>]+", rf"\1{MASK}"),
        (rf"{_ALONE}(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{{16}}{_END}", MASK),
        (rf"{_ALONE}(?:{_TYPED})[\w-]{{10,}}", MASK),
        (rf"{_ALONE}AIza[\w-]{{30,}}", MASK),
        (r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", MASK),
        (r"(?<!\d)\d{8,10}:[\w-]{35}(?![\w-])", MASK),
        # ClearML's own keys: capitals and digits, and a long mixture of all. Hashes and ids are in lower case.
        (rf"{_ALONE}(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[A-Z0-9]{{20,}}{_END}", MASK),
        (r"(?<![\w/+-])(?=\w*[0-9])(?=\w*[A-Z])(?=\w*[a-z])[A-Za-z0-9_]{40,}={0,2}(?![\w/+-])", MASK),
    )
]


class Masker:
    """Takes secrets out of texts.

    Args:
        environment: the values of variables whose names say that they are secret are masked wherever they stand.
        others: more values to mask.
    """

    def __init__(self, environment: Mapping[str, str], others: Iterable[str] = ()) -> None:
        named = [value for name, value in environment.items() if _NAME.search(name)]
        values = {value.strip() for value in (*named, *others) if _tells(value.strip())}
        forms = {form for value in values for form in (value, quote(value, safe=""), quote_plus(value))}
        self._values = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        for pattern, kept in _PATTERNS:
            text = pattern.sub(kept, text)
        return text


def is_secret_name(name: str) -> bool:
    return _NAME.search(name) is not None


def parts(url: str) -> list[str]:
    """All of a channel's URL that a library's message about it might repeat."""
    rest = url.partition("://")[2] or url
    found = [part for form in (rest, unquote(rest)) for part in re.split(r"[/?&=#:@+,]+", form)]
    return [part for part in dict.fromkeys(found) if _tells(part)]


def tokens(url: str) -> list[str]:
    """What of a channel's URL is a secret wherever it stands; `services` and a host's name are not."""
    password = unquote(_password(url))
    likely = [part for part in parts(url) if len(part) >= 8 and re.search(r"\d", part) and not _HOST.fullmatch(part)]
    return [url, *likely, *([password] if _tells(password) else [])]


def _password(url: str) -> str:
    found = re.match(r"[^/]+://[^/?#@]*?:([^/?#]*)@", url)
    return found[1] if found else ""


def _tells(value: str) -> bool:
    return len(value) >= SHORTEST and len(set(value)) > 2
