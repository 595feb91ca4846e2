import pytest

from clearml_flows.localserver.accounts import Accounts, Identity
from clearml_flows.localserver.registry import ENDPOINTS, Server
from clearml_flows.localserver.services.memory import Memory
from clearml_flows.localserver.services.organization import download
from clearml_flows.localserver.wire import Download
from tests.support.api import ACCESS_KEY, SECRET_KEY, TOKENS, Api, Refused

PREPARE = "organization.prepare_download_for_get_all"


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
    prepared = api(PREPARE, **WANTED, project=[shop], order_by=["name"])
    file = api("organization.download_for_get_all", prepare_id=prepared["prepare_id"])
    assert file["filename"] == 'attachment; filename="clearml-shop-tasks.csv"'
    assert file["text"] == (
        '\ufeff"name","place","status"\r\n'
        '"\'=1+1","shop","Draft"\r\n'
        '"first task","shop","Draft"\r\n'
        '"second task","shop","Draft"\r\n'
    )


def test_an_empty_list_is_downloaded_as_its_header(api: Api, shop: str) -> None:
    mappings = [{"field": "name", "name": "the, name"}, {"field": "id"}]
    prepared = api(PREPARE, **{**WANTED, "field_mappings": mappings, "name": "nothing"})
    assert api("organization.download_for_get_all", **prepared)["text"] == '"the, name",id\r\n'


def test_a_download_is_read_page_by_page_while_it_is_sent(api: Api, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAGE", 1)
    prepared = api(PREPARE, **WANTED, project=[shop], order_by=["name"])
    server = Server(api.store, Accounts(api.store, TOKENS, ACCESS_KEY, SECRET_KEY))
    identity = Identity("local", ACCESS_KEY)
    file = ENDPOINTS["organization.download_for_get_all"].answer(server, prepared, identity)
    assert isinstance(file, Download)
    assert next(file.content) == '\ufeff"name","place","status"\r\n"first task","shop","Draft"\r\n'
    api.task("third task", project=shop)
    assert list(file.content) == ['"second task","shop","Draft"\r\n', '"third task","shop","Draft"\r\n']


def test_a_prepared_download_is_kept_for_five_minutes(api: Api, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(download, "_prepared", Memory(300, 10, clock=lambda: now[0]))
    prepared = api(PREPARE, **WANTED, id=[shop] * 1000)
    assert len(prepared["prepare_id"]) == 32
    for now[0] in (10, 299):
        api("organization.download_for_get_all", **prepared)
    now[0] = 300
    with pytest.raises(Refused) as refused:
        api("organization.download_for_get_all", **prepared)
    assert refused.value.code == (400, 10)


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
        api(PREPARE, **{**WANTED, **changed})
    assert refused.value.code == (400, subcode)


def test_only_what_was_prepared_is_downloaded(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        api("organization.download_for_get_all", prepare_id="nope")
    assert refused.value.code == (400, 10)
