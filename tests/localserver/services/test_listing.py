import pytest

from tests.support.api import Api, Refused


def test_a_page_begins_at_start(api: Api) -> None:
    names = ["task a", "task b", "task c", "task d"]
    for name in names:
        api.task(name)
    asked = {"order_by": ["name"], "only_fields": ["name"]}
    found = api("tasks.get_all", start=1, size=2, **asked)["tasks"]
    assert [task["name"] for task in found] == ["task b", "task c"]
    for wrong in ({"start": 1}, {"start": 1, "size": 0}, {"start": -1, "size": 2}):
        with pytest.raises(Refused) as refused:
            api("tasks.get_all_ex", **wrong)
        assert refused.value.code == (400, 12)


@pytest.mark.parametrize("kind", ["task", "model", "project"])
def test_public_documents_can_be_left_out(api: Api, kind: str) -> None:
    make = {"task": api.task, "model": api.model, "project": api.project}[kind]
    own, public = make("an own one"), make("a public one")
    api(f"{kind}s.make_public", ids=[public])
    found = {document["id"] for document in api(f"{kind}s.get_all_ex")[f"{kind}s"]}
    assert found == {own, public}
    assert [document["id"] for document in api(f"{kind}s.get_all_ex", allow_public=False)[f"{kind}s"]] == [own]
