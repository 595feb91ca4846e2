"""Replace the source's ids and addresses in values by those of the target."""

import re
from dataclasses import dataclass, field
from typing import Any

_ID = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])")


@dataclass
class Moved:
    """Replaces ids and addresses.

    `ids` maps ids of the source to ids of the target. `urls` maps beginnings of addresses. `known` has all ids of the
    source. An id is 32 random hexadecimal digits, so it is replaced wherever it occurs. `left` collects known ids that
    have no counterpart.
    """

    urls: dict[str, str]
    known: frozenset[str]
    ids: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)

    def __call__(self, value: Any) -> Any:
        """Return the value with every text in it replaced, including the names of fields."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self(item) for item in value]
        return value

    def text(self, text: str) -> str:
        for old, new in self.urls.items():
            if old in text:
                text = text.replace(old, new)
        return _ID.sub(self._id, text)

    def _id(self, match: re.Match[str]) -> str:
        found = match.group()
        if found in self.ids:
            return self.ids[found]
        if found in self.known:
            self.left.add(found)
        return found
