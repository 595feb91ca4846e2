"""The real Kaggle client against a fake Kaggle: what a user reads when it does not go well."""

import time
from pathlib import Path

import pytest

from clearml_flows.tabular.data.kaggle_source import fetch_kaggle, without_kaggle
from tests.support.fake_kaggle import Answer, FakeKaggle, fake_kaggle

CSV = b"customerID,Churn\n" + b"0001-AAAAA,No\n" * 400
GOOD = Answer(body=CSV)
SECRET = "kaggle-token-that-must-not-show"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries; none of them is slept. (subprocess sleeps too, for milliseconds.)"""
    made: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: made.append(seconds) if seconds >= 1 else sleep(seconds))
    return made


def fetch(kaggle: FakeKaggle, folder: Path, limit_s: float = 30, tries: int = 4, max_bytes: int = 10_000) -> bytes:
    path = fetch_kaggle("owner/telco/3", "a.csv", str(folder), max_bytes, limit_s, tries, 1.0, kaggle.url)
    return Path(path).read_bytes()


def test_a_file_comes_without_credentials(tmp_path: Path) -> None:
    with fake_kaggle(GOOD) as kaggle:
        assert fetch(kaggle, tmp_path) == CSV
    assert [request[1].get("Authorization") for request in kaggle.requests] == [None, None]
    assert kaggle.downloads == [
        {"ownerSlug": "owner", "datasetSlug": "telco", "fileName": "a.csv", "datasetVersionNumber": 3}
    ]


def test_credentials_reach_kaggle_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)
    monkeypatch.setenv("VERBOSE", "1")
    with fake_kaggle(Answer(401)) as kaggle, pytest.raises(RuntimeError, match="refused the credentials") as refused:
        fetch(kaggle, tmp_path)
    assert kaggle.requests[-1][1]["Authorization"] == f"Bearer {SECRET}"
    assert "KAGGLE_API_TOKEN" in str(refused.value)
    told = "".join(capfd.readouterr()) + str(refused.value)
    assert SECRET not in told


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(401), "there are no credentials .401.: make an API token"),
        (Answer(403), "forbids file a.csv of dataset owner/telco/3 .403."),
        (Answer(404), "has no file a.csv of dataset owner/telco/3 .404.: check its name"),
        (Answer(200, b'{"code": 404, "message": "x"}', "application/json"), "has no file a.csv"),
        (Answer(200, b"<!doctype html><p>Sign in</p>", "text/html"), "web page or a message instead of data"),
        (Answer(200, b'{"message": "busy"}', "application/json"), "web page or a message instead of data"),
        (Answer(body=CSV * 3), "larger than the limit"),
    ],
    ids=["no-credentials", "forbidden", "not-there", "not-there-in-a-200", "page", "message", "large"],
)
def test_what_another_try_would_not_change_is_told_at_once(
    tmp_path: Path, pauses: list[float], answer: Answer, said: str
) -> None:
    with fake_kaggle(answer) as kaggle, pytest.raises(RuntimeError, match=said) as told:
        fetch(kaggle, tmp_path)
    assert pauses == []
    assert len(kaggle.downloads) == 1
    assert "\n" not in str(told.value)
    assert "sesame" not in str(told.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429),
        Answer(500),
        Answer(503),
        Answer(body=CSV, trouble="reset"),
        Answer(body=CSV, trouble="cut"),
        Answer(),
    ],
    ids=["busy", "error", "unavailable", "reset", "cut", "empty"],
)
def test_what_may_pass_is_tried_again(tmp_path: Path, pauses: list[float], answer: Answer) -> None:
    with fake_kaggle(answer, GOOD) as kaggle:
        assert fetch(kaggle, tmp_path) == CSV
    assert pauses == [1.0]


def test_tries_are_bounded_and_pauses_double(tmp_path: Path, pauses: list[float]) -> None:
    with fake_kaggle(Answer(500)) as kaggle, pytest.raises(RuntimeError, match=r"\(500\); gave up at try 3 of 3"):
        fetch(kaggle, tmp_path, tries=3)
    assert pauses == [1.0, 2.0]


def test_retry_after_is_kept_to_within_the_limit(tmp_path: Path, pauses: list[float]) -> None:
    with fake_kaggle(Answer(429, headers={"Retry-After": "7"}), GOOD) as kaggle:
        assert fetch(kaggle, tmp_path) == CSV
    assert pauses == [7.0]
    with (
        fake_kaggle(Answer(429, headers={"Retry-After": "3600"})) as kaggle,
        pytest.raises(RuntimeError, match=r"asked too often \(429\); gave up at try 1 of 4"),
    ):
        fetch(kaggle, tmp_path)
    assert pauses == [7.0]


def test_silence_ends_with_the_limit(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        fake_kaggle(Answer(body=CSV, trouble="stall")) as kaggle,
        pytest.raises(RuntimeError, match="did not answer within 3 s"),
    ):
        fetch(kaggle, tmp_path, limit_s=3)
    assert time.monotonic() - began < 6


def test_auto_goes_on_only_where_synthetic_customers_are_allowed() -> None:
    tried = without_kaggle("auto", "data/a.csv", "Kaggle is down", allow_synthetic=True)
    assert tried == "there is no file data/a.csv, and Kaggle is down"
    with pytest.raises(RuntimeError, match="three ways"):
        without_kaggle("auto", "", "Kaggle is down", allow_synthetic=False)
    with pytest.raises(RuntimeError, match=r"^Kaggle is down$"):
        without_kaggle("kaggle", "", "Kaggle is down", allow_synthetic=True)
