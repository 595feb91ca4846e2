import pytest

from clearml_flows.localserver import errors, wire


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}"])
def test_no_body_is_an_empty_request(body: bytes) -> None:
    assert wire.parse(body) == {}


def test_text_in_every_script_is_kept() -> None:
    assert wire.parse('{"a": "\\ud83d\\ude00 ü \\u0000"}'.encode()) == {"a": "😀 ü \0"}


@pytest.mark.parametrize("body", [b'{"a": 1}\n{"a": 2}\n', b'{"a": 1}\r\n\r\n{"a": 2}', b'[{"a": 1}, {"a": 2}]'])
def test_a_batch_is_json_lines_or_a_list(body: bytes) -> None:
    assert wire.parse_batch(body) == {"requests": [{"a": 1}, {"a": 2}]}


@pytest.mark.parametrize("body", [b'{"a": 1}\n5', b"[1]", b'{"a": 1} {"a": 2}', b'{"a": 1}\n{"a": NaN}'])
def test_a_batch_of_anything_else_is_refused_whole(body: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        wire.parse_batch(body)


def test_what_is_no_object_is_named() -> None:
    with pytest.raises(errors.BadRequest, match="expected a JSON object as body, got list"):
        wire.parse(b"[]")


@pytest.mark.parametrize(
    ("path", "name", "version"),
    [
        ("/v2.23/tasks.get_all", "tasks.get_all", "2.23"),
        ("/tasks.get_all_ex", "tasks.get_all_ex", "2.34"),
        ("/v1/a.b2", "a.b2", "1"),
    ],
)
def test_paths(path: str, name: str, version: str) -> None:
    target = wire.target(path)
    assert (target.name, target.version) == (name, version)
    assert wire.is_api_path(path)


VERSIONS = [("2.9", (2, 9)), ("2.23", (2, 23)), ("1", (1, 0)), ("999.0", (999, 0))]


@pytest.mark.parametrize(("version", "number"), VERSIONS)
def test_versions_sort_as_numbers(version: str, number: tuple[int, int]) -> None:
    assert wire.target(f"/v{version}/tasks.get_all").number == number
    assert wire.target("/tasks.get_all").number == wire.NEWEST == (2, 34)


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/v2.23/tasks", True),
        ("/v2.23/x/y", True),
        ("/", False),
        ("/projects/1/experiments/2/output/log", False),
        ("/static/style.css", False),
    ],
)
def test_which_paths_are_the_apis_to_answer(path: str, ours: bool) -> None:
    assert wire.is_api_path(path) == ours
    with pytest.raises(errors.BadRequest):
        wire.target(path)


def test_envelopes_have_an_id_of_their_own() -> None:
    target = wire.Target("a.b", "2.0", known=True)
    first, second = wire.success(target, {"x": 1}), wire.failure(target, errors.InvalidTaskId(ids=("a",)))
    assert first["meta"]["id"] != second["meta"]["id"]
    assert first["data"] == {"x": 1}
    assert (second["meta"]["result_code"], second["meta"]["result_subcode"]) == (400, 101)
