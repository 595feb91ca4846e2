"""What is told of an event: nothing secret, no markup, no more than so many bytes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from clearml_flows.events import Event
from clearml_flows.notify.masking import Masker
from clearml_flows.notify.message import compose, document, duration, safe
from clearml_flows.notify.safe_text import Style, chat, markdown, plain
from tests.notify.conftest import NOON, failed

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
SCHEMA = json.loads(PAGE.split("```json\n")[2].partition("```")[0])
STYLES = {"plain": plain, "chat": chat, "markdown": markdown}
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]  # to explain a failure takes minutes
NOTHING = Masker({})
# What holds a secret, and the secret.
HOLDERS = {
    "hunter22-öffne": "hunter22-öffne",  # the value of a variable
    "hunter22-%C3%B6ffne": "hunter22-%C3%B6ffne",
    "password=s3sam-open": "s3sam-open",
    '"secret_key": "open, s3sam"': "s3sam",
    "postgresql://flows:s3sam@db.example.com/runs": "s3sam",
    "Authorization: Bearer s3sam.open-it": "s3sam",
    "bearer s3sam.open-it": "s3sam",
    "https://example.com/hook?sig=s3sam": "s3sam",
    "AKIAIOSFODNN7EXAMPLE": "IOSFODNN7",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a": "16C7e42F",
    "0KKPVAMGDHY1O1T3DMHCK8LC7G7M5U": "KKPVAMGDHY",
    "T9ZtHNYeFoxLCKqK1xtXbNYBiVBwrWLlDPTzdAaFDDP2vGkOZC": "T9ZtHNYeFox",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N": "dozjgNryP4J3",
    "https://hooks.slack.com/services/T00/B00/s3samopen": "s3samopen",
}
TEXT = st.text(alphabet=st.characters(exclude_categories=[]), max_size=40)
BETWEEN = st.sampled_from([" ", "\n", "\t", "'", "(", "\x1b[31m", "\r\n", "\u2028", " @here <!channel> ", "\x00"])
SECRETIVE = st.builds("".join, st.tuples(TEXT, BETWEEN, st.sampled_from(list(HOLDERS)), BETWEEN, TEXT))
LEAVES = SECRETIVE | TEXT | st.floats() | st.integers() | st.none() | st.booleans()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
NAMES = st.sampled_from([*SCHEMA["properties"], "worker", "password", "schedule"]) | SECRETIVE


def events() -> st.SearchStrategy[Event]:
    return st.builds(Event, SECRETIVE, st.just("failed"), st.just(NOON), SECRETIVE, st.dictionaries(NAMES, VALUES))


def secrets_in(text: str) -> list[str]:
    return [secret for secret in HOLDERS.values() if secret in text]


@settings(max_examples=200, deadline=None, phases=PHASES)
@given(events(), st.sampled_from(list(STYLES)), st.integers(100, 3000))
def test_no_secret_no_markup_no_other_line_and_not_too_long(event: Event, style: str, limit: int) -> None:
    told = safe(event, Masker({"MY_TOKEN": "hunter22-öffne"}))
    message = compose(told, STYLES[style], limit)
    text = f"{message.subject}\n{message.body}"
    assert secrets_in(text) == []
    assert len(text.encode()) <= limit + 1
    assert message.subject.isprintable() or style != "plain"
    assert not {"\r", "\n", "\x00", "\x1b", "\u2028"} & set(message.subject)
    assert all(one.isprintable() or one in "\n\t\u200b\u200c\u200d" for one in text)
    if style != "plain":
        assert not {"@h", "<!", "<b", "]("} & {text[place : place + 2] for place in range(len(text))}


@settings(max_examples=80, deadline=None, phases=PHASES)
@given(events(), st.integers(500, 5000))
def test_the_document_keeps_its_schema_and_no_secret(event: Event, limit: int) -> None:
    made = document(safe(event, Masker({"MY_TOKEN": "hunter22-öffne"})), limit)
    jsonschema.validate(made, SCHEMA)
    whole = json.dumps(made, ensure_ascii=False, allow_nan=False)
    assert secrets_in(whole) == []
    assert len(whole.encode()) < 6 * limit + 6000


def test_a_message_says_what_one_wants_to_know() -> None:
    message = compose(safe(failed(), NOTHING), plain, 4000)
    assert message.subject == "churn failed in train_sweep"
    assert message.body.splitlines() == [
        "flow: churn",
        "run: 3f9a81c2d4e5f60718293a4b5c6d7e8f",
        "status: failed",
        "took: 12 min 13 s",
        "failed step: train_sweep",
        "best metrics: cv_roc_auc 0.8432",
        "promoted: no",
        "why: the run failed",
        "fix: flows runs resume 3f9a81c2",
        "http://127.0.0.1:8900/projects/*/pipelines/3f9a81c2d4e5f60718293a4b5c6d7e8f",
        "at: 2026-11-23 12:00:00 UTC",
        "",
        "error:",
        "Traceback (most recent call last):",
        "  fit(rows)",
        "ValueError: the target has one class",
    ]


def test_of_a_long_error_the_end_is_told_and_how_much_is_not() -> None:
    error = "\n".join(f"line {number} of the error" for number in range(1000))
    lines = compose(safe(failed(error=error), NOTHING), plain, 800).body.splitlines()
    (said,) = [number for number, line in enumerate(lines) if line.startswith("error")]
    told = "\n".join(lines[said + 1 :])
    assert error.endswith(f"\n{told}")
    # Of a fact, the last 20,000 characters are looked at.
    looked_at = safe(failed(error=error), NOTHING).facts["error"]
    assert lines[said] == f"error (the first {len(looked_at) - len(told)} bytes are left out):"
    assert len(told) > 200


def test_one_endless_line() -> None:
    told = compose(safe(failed(error="0" * 30_000), NOTHING), plain, 800)
    assert "0" * 20 not in told.body  # it might be the second half of a secret
    told = compose(safe(failed(error="é" * 15_000), NOTHING), markdown, 800)
    assert told.body.endswith("é" * 100)
    assert len((told.subject + told.body).encode()) <= 800


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (plain, "@here <!channel> [pay](http://evil) <b> *x*"),
        (chat, "@\u200bhere <\u200b!channel> [pay]\u200b(http://evil) <\u200bb> *x*"),
        (markdown, "@\u200bhere <\u200b!channel\\> \\[pay\\]\u200b(http://evil) <\u200bb\\> \\*x\\*"),
    ],
)
def test_mentions_and_markup(style: Style, text: str) -> None:
    assert style("@here <!channel> [pay](http://evil) <b> *x*") == text


def test_links_stay_links_in_markdown() -> None:
    url = "http://127.0.0.1:8900/projects/*/pipelines/3f9a_b"
    assert markdown(f"a_b\n{url}") == f"a\\_b\n{url}"


def test_text_is_shown_as_it_is_read() -> None:
    facts: dict[str, Any] = {"flow": "\u202echurn\u202c \x1b[31mred\x1b[0m \ud800", "worker": "gpu-1"}
    facts |= {"nan": float("nan"), "many": 10**5000, "tokens_per_second": 7.5, "api_token": "s3sam", "auth": ["s3sam"]}
    told = safe(Event("k", "lost", NOON, "a\r\nBcc: b@c.de\u2028d", facts), NOTHING)
    assert told.subject == "a Bcc: b@c.de d"
    assert told.facts == {"flow": "churn red \ufffd", "worker": "gpu-1", "nan": None, "many": None} | {
        "tokens_per_second": 7.5,
        "api_token": "***",
        "auth": "***",
    }
    assert "worker: gpu-1" in compose(told, plain, 500).body


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (733.3, "12 min 13 s"), (7500, "2 h 5 min")]
)
def test_times_are_told_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_metrics_that_count_come_first() -> None:
    metrics = {
        "train_accuracy": 1.0,
        "cv_roc_auc_std": 0.01,
        "cv_roc_auc": 0.84,
        "test_brier": 0.13,
        "test_roc_auc": 0.85,
    }
    body = compose(safe(failed(metrics=metrics), NOTHING), plain, 4000).body
    told = "test_brier 0.13, test_roc_auc 0.85, cv_roc_auc 0.84, train_accuracy 1, cv_roc_auc_std 0.01"
    assert f"best metrics: {told}\n" in body


def test_metrics_that_are_many() -> None:
    metrics: dict[str, Any] = {f"m{number}": number / 7 for number in range(11)}
    body = compose(safe(failed(metrics={**metrics, "note": "text"}), NOTHING), plain, 4000).body
    assert (
        "best metrics: m0 0, m1 0.1429, m2 0.2857, m3 0.4286, m4 0.5714, m5 0.7143, m6 0.8571, m7 1 and 3 more" in body
    )
