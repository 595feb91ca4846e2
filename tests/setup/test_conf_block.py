"""The text of a clearml.conf, edited: all else stays byte for byte, and ClearML's parser reads the outcome."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from clearml_flows.backend.configuration import HOSTS, KEYS, parse_conf, text_at
from clearml_flows.errors import FlowsError
from clearml_flows.setup.conf_block import edited, pasted

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


BLOCK = """# >>> written by `flows setup`, which replaces this block as a whole
api.api_server: "https://api.example.com"
api.web_server: "https://app.example.com"
api.files_server: "https://files.example.com"
api.credentials.access_key: "NEWKEY"
api.credentials.secret_key: "new\\"\\\\#{}$secret//"
# <<< written by `flows setup`
"""


def test_a_block_at_the_end_has_the_values() -> None:
    assert edited(FROM_THE_PAGE, WANTED, PATH) == FROM_THE_PAGE + BLOCK
    assert edited("", WANTED, PATH) == BLOCK
    assert edited("sdk.a: 1", WANTED, PATH) == "sdk.a: 1\n" + BLOCK


def test_the_block_is_replaced_wherever_it_is_and_whatever_is_in_it() -> None:
    changed = BLOCK.replace("NEWKEY", "MINE").replace("# <<<", "sdk.mine: 1\n# <<<")
    assert edited(f"sdk.a: 1\n{changed}sdk.b: 2\n", WANTED, PATH) == f"sdk.a: 1\nsdk.b: 2\n{BLOCK}"


def test_nothing_changes_where_the_values_are_there_already() -> None:
    text = FROM_THE_PAGE.replace('"OLD"', '"KEY"')
    assert edited(text, {"api_host": "https://api.clear.ml", "access_key": "KEY"}, PATH) == text


def test_lines_that_earlier_releases_wrote_stay_above() -> None:
    text = '# by `flows setup`\napi.api_server: "http://old:1"\n'
    assert edited(text, WANTED, PATH) == text + BLOCK


@pytest.mark.parametrize(
    "text",
    [
        "# only a comment",
        "sdk.a = 1\r\napi {\r\n\tapi_server: x # it\r\n}\r\n",
        "api { api_server: http://localhost:8008 // c\n web_server: x }\n",
        "api.credentials.access_key = 1\napi.credentials { secret_key = 2 }\nsdk.x = 2",
        "api = ${?NOT_THERE_AT_ALL}\nb = 1\n",
        "base { retries: 3 }\napi = ${base} { api_server: a }\n",
        'api { api_server: """a\n{""" }\n',
        "api : { credentials : null }\n",
        "sdk.wait = 10 seconds\n",
    ],
)
def test_odd_ways_to_write_it(text: str) -> None:
    after = edited(text, WANTED, PATH)
    assert after.startswith(text)
    check(after)
    assert edited(after, WANTED, PATH) == after
    assert not re.search(r"(?<!\r)\n", after) or "\r\n" not in text


@pytest.mark.parametrize(
    "text", ["api {", "api { a: [ }", "[1, 2]", 'api: "', "api { secret_key: topsecret ", "}", "a: ${", "a: ${?}"]
)
def test_what_is_no_hocon_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(FlowsError, match=r"clearml\.conf is not a clearml\.conf") as told:
        edited(text, WANTED, PATH)
    assert "\n" not in str(told.value)
    assert "topsecret" not in str(told.value)


def test_a_file_in_braces_is_refused() -> None:
    with pytest.raises(FlowsError, match="as when braces enclose the whole file; nothing was changed"):
        edited('{"api": {"credentials": {"access_key": "a"}}}', WANTED, PATH)


def test_what_the_page_shows_can_be_pasted() -> None:
    assert pasted(FROM_THE_PAGE) == {
        "api_host": "https://api.clear.ml",
        "web_host": "https://app.clear.ml/",
        "files_host": "https://files.clear.ml",
        "access_key": "OLD",
        "secret_key": "old secret",
    }
    assert pasted('credentials {"access_key": "a", "secret_key": "b"}') == {"access_key": "a", "secret_key": "b"}
    with pytest.raises(FlowsError):
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


hosts = members(st.sampled_from(["api.api_server", "api.web_server", "api.credentials.access_key"]), plain)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(others | hosts, max_size=6).map("\n".join))
def test_whatever_else_the_file_holds_stays_byte_for_byte(text: str) -> None:
    try:
        before = values_apart(parse_conf(text, PATH)) if text.strip() else {}
    except FlowsError:  # such as a key that is a number, and then an object
        reject()
    after = edited(text, WANTED, PATH)
    assert after.startswith(text)
    check(after)
    assert values_apart(parse_conf(after, PATH)) == before
