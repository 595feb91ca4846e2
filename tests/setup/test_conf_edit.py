"""The text of a clearml.conf, edited: all else stays byte for byte, and ClearML's parser reads the outcome."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from clearml_flows.backend.configuration import HOSTS, KEYS, parse_conf, text_at
from clearml_flows.errors import FlowsError
from clearml_flows.setup.conf_edit import edited, pasted
from clearml_flows.setup.hocon import NotUnderstood

PATH = Path("clearml.conf")
WANTED = {
    "api_host": "https://api.example.com",
    "web_host": "https://app.example.com",
    "files_host": "https://files.example.com",
    "access_key": "NEWKEY",
    "secret_key": 'new"\\#{}$secret//',
}
FROM_THE_PAGE = """api {
  # Ada's workspace
  web_server: https://app.clear.ml/
  api_server: https://api.clear.ml
  files_server: https://files.clear.ml
  credentials {
    "access_key" = "OLD"
    "secret_key" = "old secret"
  }
}
"""


def check(after: str) -> None:
    """The new values are there, and the old text is what is left without them."""
    tree = parse_conf(after, PATH)
    for name, value in WANTED.items():
        assert text_at(tree, PATH, (HOSTS | KEYS)[name]) == value


def values_apart(tree: Any) -> dict[str, str]:
    """All leaves but those that are edited."""
    found: dict[str, str] = {}

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            for name, child in node.items():
                walk(child, f"{path}.{name}")
        else:
            found[path[1:]] = repr(node)

    walk(tree, "")
    return {path: value for path, value in found.items() if path not in {*HOSTS.values(), *KEYS.values()}}


def test_values_are_replaced_where_they_stand() -> None:
    after = edited(FROM_THE_PAGE + "sdk { a: [1, {b: c}] } // the end", WANTED, PATH)
    assert after == (
        """api {
  # Ada's workspace
  web_server: "https://app.example.com"
  api_server: "https://api.example.com"
  files_server: "https://files.example.com"
  credentials {
    "access_key" = "NEWKEY"
    "secret_key" = "new\\"\\\\#{}$secret//"
  }
}
sdk { a: [1, {b: c}] } // the end"""
    )


def test_an_empty_file_gets_the_block() -> None:
    after = edited("", {**WANTED, "secret_key": "new"}, PATH)
    assert after == (
        """api {
    api_server: "https://api.example.com"
    web_server: "https://app.example.com"
    files_server: "https://files.example.com"
    credentials {
        access_key: "NEWKEY"
        secret_key: "new"
    }
}
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "# only a comment",
        "sdk.a = 1\r\napi {\r\n\tapi_server: x # it\r\n}\r\n",
        '{"api": {"credentials": {"access_key": "a", "secret_key": "b"}, "http": {"retries": 3}}}',
        "api { api_server: http://localhost:8008 // c\n web_server: x }\n",
        "api {} ",
        "api { credentials {} }",
        "api.credentials.access_key = 1\napi.credentials { secret_key = 2 }\nsdk.x = 2",
        "api = ${?NOT_THERE_AT_ALL}\nb = 1\n",
        "api { api_server: a }\napi { api_server: b }\n",
        "base { retries: 3 }\napi = ${base} { api_server: a }\n",
        'api { api_server: """a\n{""" }\n',
        "api { # {\n  // }\n  web_server = a,files_server = b\n\n}\n",
        "api : { credentials : null }\n",
        "api += { api_server: b }\n",
    ],
)
def test_odd_ways_to_write_it(text: str) -> None:
    after = edited(text, WANTED, PATH)
    check(after)
    assert edited(after, WANTED, PATH) == after
    if "${" not in text:
        assert values_apart(parse_conf(after, PATH)) == values_apart(parse_conf(text, PATH)) or "null" in text
    assert ("\r\n" in text) == ("\r\n" in after)
    assert not re.search(r"(?<!\r)\n", after) or "\r\n" not in text


@pytest.mark.parametrize(
    "text", ["api {", "api { a: [ }", "[1, 2]", 'api: "', "api { secret_key: topsecret ", "}", "a: ${", "a: ${?}"]
)
def test_what_is_no_hocon_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(FlowsError, match=r"clearml\.conf is not a clearml\.conf") as told:
        edited(text, WANTED, PATH)
    assert "\n" not in str(told.value)
    assert "topsecret" not in str(told.value)


def test_a_time_on_the_last_line_is_no_obstacle() -> None:
    """ClearML's parser reads it as a time there, and as a text where lines follow."""
    after = edited("sdk.wait = 10 seconds\n", WANTED, PATH)
    assert after.startswith("sdk.wait = 10 seconds\napi {\n")
    check(after)


def test_what_the_page_shows_can_be_pasted() -> None:
    assert pasted(FROM_THE_PAGE) == {
        "api_host": "https://api.clear.ml",
        "web_host": "https://app.clear.ml/",
        "files_host": "https://files.clear.ml",
        "access_key": "OLD",
        "secret_key": "old secret",
    }
    assert pasted('credentials {"access_key": "a", "secret_key": "b"}') == {"access_key": "a", "secret_key": "b"}
    with pytest.raises(NotUnderstood):
        pasted("api { credentials {")


plain = st.text("abcXYZ019_-", min_size=1, max_size=6)
inner = st.text("ab{}[]#=:,/$ é'", max_size=8)
scalars = st.one_of(
    plain,
    st.integers(-5, 500).map(str),
    inner.map(lambda text: f'"{text}"'),
    inner.map(lambda text: f'"""{text}"""'),
    st.sampled_from(["true", "null", "1.5", "a b", "http://x.y:80/z", r'"a\"b\\"', '"""a\nb"""']),
)
comments = st.text("abc{}[]\"'=:,$ü ", max_size=8).map(lambda text: f"# {text}\n") | st.just('// é } " {\n')
gaps = st.sampled_from([" ", "", "  "])
breaks = st.sampled_from(["\n", "\n\n", ",\n", " # a, b {\n"])


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: f"[{', '.join(items)}]")


@st.composite
def members(draw: st.DrawFn, names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> str:
    sign = draw(st.sampled_from(["=", ":", " = ", ": "]))
    return draw(names) + sign + draw(values)


@st.composite
def objects(draw: st.DrawFn) -> str:
    inside = draw(st.lists(members(keys, scalars | lists(scalars)), max_size=3))
    return "{" + draw(gaps) + "".join(one + draw(breaks) for one in inside) + "}"


keys = (
    plain.map(lambda text: f"k{text}") | plain.map(lambda text: f'"q {text}"') | plain.map(lambda text: f"sdk.x{text}")
)
others = members(keys, scalars | lists(scalars | objects()) | objects()) | comments


@st.composite
def confs(draw: st.DrawFn) -> list[str]:
    """Pieces of a text: those at odd places are the values that are to be edited, all others are to stay."""
    pieces = [""]

    def stay(text: str) -> None:
        pieces[-1] += text

    def some() -> None:
        for one in draw(st.lists(others, max_size=3)):
            stay(one if one.endswith("\n") else one + draw(breaks))

    def block(places: list[str]) -> None:
        for place in draw(st.permutations(places)):
            name = place.rpartition(".")[2]
            stay(draw(st.sampled_from([name, f'"{name}"'])) + draw(st.sampled_from([": ", "=", " = "])))
            pieces.extend([draw(st.sampled_from(['"old"', "old", "http://old:80", '"""o{ld"""'])), draw(breaks)])
            some()

    some()
    if draw(st.booleans()):
        stay("api " + draw(st.sampled_from(["{", ": {", "= {"])) + draw(st.sampled_from([" ", "\n", " # x\n"])))
        block(draw(st.lists(st.sampled_from(sorted(HOSTS.values())), unique=True)))
        if draw(st.booleans()):
            stay("credentials {" + draw(gaps))
            block(draw(st.lists(st.sampled_from(sorted(KEYS.values())), unique=True)))
            stay("}" + draw(breaks))
        stay("}" + draw(breaks))
    some()
    return pieces


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(confs())
def test_whatever_else_the_file_holds_stays_byte_for_byte(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        before = values_apart(parse_conf(text, PATH))
    except FlowsError:  # such as a key that is a number, and then an object
        reject()
    after = edited(text, WANTED, PATH)
    check(after)
    assert values_apart(parse_conf(after, PATH)) == before
    place = 0
    # Something may come in between lines or after a brace; nothing else is changed.
    for piece in pieces[::2]:
        for part in re.split(r"(?<=[\n{])", piece):
            found = after.find(part, place)
            assert found >= 0, (part, after)
            place = found + len(part)
