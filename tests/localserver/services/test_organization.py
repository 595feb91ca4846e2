import pytest

from tests.support.api import Api, Refused


@pytest.fixture
def shop(api: Api) -> str:
    """A project with two Tasks, a model, a dataset of one version and a report."""
    shop = api.project("shop")
    api.task("first task", project=shop, tags=["a"])
    api.task("second task", project=shop)
    api.model(project=shop)
    rows = api("projects.create", name="shop/.datasets/rows", system_tags=["hidden", "dataset"])["id"]
    api.task("version", project=rows, type="data_processing", system_tags=["dataset", "hidden"])
    api("reports.create", name="a report", project=shop)
    return shop


def test_the_one_company_has_the_one_user(api: Api) -> None:
    (company,) = api("organization.get_user_companies")["companies"]
    user = api("users.get_current_user")["user"]
    assert (company["id"], company["name"], company["allocated"]) == (user["company"]["id"], "clearml", 1)
    assert company["owners"] == [{"id": user["id"], "name": user["name"], "avatar": None}]


def test_counts_of_what_there_is(api: Api, shop: str) -> None:
    asked = {"projects": {}, "tasks": {"project": [shop]}, "models": {}, "dataset_versions": {}, "reports": {}}
    datasets = {"system_tags": ["dataset"]}
    assert api("organization.get_entities_count", **asked, datasets=datasets) == {
        "projects": 2,
        "tasks": 2,
        "models": 1,
        "dataset_versions": 1,
        "reports": 1,
        "datasets": 1,
    }
    assert api("organization.get_entities_count", tasks={}, limit=1) == {"tasks": 1}
    assert api("organization.get_entities_count", tasks={}, projects={}, active_users=["nobody"]) == {
        "projects": 0,
        "tasks": 0,
    }


def test_a_filter_that_cannot_be_asked_leaves_the_other_counts(api: Api, shop: str) -> None:
    answer = api("organization.get_entities_count", models={}, tasks={"order_by": ["nothing"]})
    assert answer["models"] == 1
    assert "nothing" in answer["errors"]["tasks"]


MAPPINGS = [
    {"field": "name"},
    {"field": "project.name", "name": "place"},
    {"field": "status", "values": [{"key": "created", "value": "Draft"}]},
]
WANTED = {"entity_type": "task", "only_fields": ["name", "project.name", "status"], "field_mappings": MAPPINGS}


def test_a_list_is_downloaded_as_csv(api: Api, shop: str) -> None:
    api.task("=1+1", project=shop)
    prepared = api("organization.prepare_download_for_get_all", **WANTED, project=[shop], order_by=["name"])
    file = api("organization.download_for_get_all", prepare_id=prepared["prepare_id"])
    assert file["filename"] == 'attachment; filename="clearml-shop-tasks.csv"'
    assert file["text"] == (
        '\ufeff"name","place","status"\r\n'
        '"\'=1+1","shop","Draft"\r\n'
        '"first task","shop","Draft"\r\n'
        '"second task","shop","Draft"\r\n'
    )


@pytest.mark.parametrize(
    ("changed", "subcode"),
    [
        ({"field_mappings": [*MAPPINGS, {"field": "name"}]}, 12),
        ({"entity_type": "queue"}, 12),
        ({"order_by": ["nothing"]}, 14),
    ],
)
def test_a_download_that_cannot_be_is_refused_when_prepared(api: Api, changed: dict[str, object], subcode: int) -> None:
    with pytest.raises(Refused) as refused:
        api("organization.prepare_download_for_get_all", **{**WANTED, **changed})
    assert refused.value.code == (400, subcode)


def test_only_what_was_prepared_is_downloaded(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api("organization.download_for_get_all", prepare_id="nope")
    assert refused.value.code == (400, 10)
