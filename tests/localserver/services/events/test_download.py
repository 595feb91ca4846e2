import json

import pytest

from tests.support.api import Api, Json


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    lines = [
        {"type": "log", "task": task, "timestamp": 1000 + number, "msg": f"line {number}", "level": "info"}
        for number in range(1500)
    ]
    api.batch("events.add_batch", *lines, {"type": "plot", "task": task, "plot_str": "{}"})
    return task


def test_the_console_is_a_file_of_json_lines(api: Api, task: str) -> None:
    answer = api("events.download_task_log", task=task)
    assert answer["filename"] == f'attachment; filename="task_{task}.log"'
    lines = [json.loads(line) for line in answer["text"].splitlines()]
    assert [line["msg"] for line in lines] == [f"line {number}" for number in range(1500)]
    assert (lines[0]["asctime"], lines[0]["level"]) == (1000, "info")
    assert not {"type", "task", "timestamp"} & lines[0].keys()


def test_the_console_is_a_file_of_text(api: Api, task: str) -> None:
    text = api("events.download_task_log", task=task, line_type="text")["text"]
    assert text.splitlines()[1] == "1001 <unknown> info line 1"
    text = api("events.download_task_log", task=task, line_type="TEXT", line_format="{level:>6}|{msg}\n")["text"]
    assert text.splitlines()[-1] == "  info|line 1499"


def test_an_empty_console_is_an_empty_file(api: Api) -> None:
    assert api("events.download_task_log", task=api.task())["text"] == ""


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"task": "nope"}, 101),
        ({"line_type": "text", "line_format": ""}, 11),
        *(
            ({"line_type": "text", "line_format": text}, 16)
            for text in ("{name}", "{", "{}", "{msg.x}", "{msg:9999}", "{msg:{level}}")
        ),
    ],
)
def test_what_is_no_format_is_refused(api: Api, task: str, request_: Json, code: int) -> None:
    refused = api.refusal("events.download_task_log", **{"task": task, **request_})
    assert refused is not None
    assert refused.code == (400, code)
