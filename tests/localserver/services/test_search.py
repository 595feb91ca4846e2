import pytest

from tests.support.api import Api


@pytest.mark.parametrize("text", ["found", "Notes", "URGENT"])
def test_search_text_finds_words_of_name_comment_and_tags(api: Api, text: str) -> None:
    found = api.task("found one", comment="notes on it", tags=["urgent"])
    api.task("another one", comment="nothing", tags=["later"])
    assert [task["id"] for task in api("tasks.get_all", search_text=text)["tasks"]] == [found]
