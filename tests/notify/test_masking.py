"""What is a secret, and what is not. Secrets within any text are in test_message.py."""

from pathlib import Path
from time import monotonic

import pytest

from clearml_flows.notify.masking import Masker, is_secret_name, tokens


@pytest.mark.parametrize(
    "text",
    [
        "run 3f9a81c2d4e5f60718293a4b5c6d7e8f of dataset 2f9cbb19e2e94ac9a5d0c1a8e75a5a3f",
        "sha256 16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91",
        "http://127.0.0.1:8900/projects/0a1b/experiments/2c3d/output/log",
        "KeyError: 'customerID' in /home/me/flows/data/WA_Fn-UseC_-Telco-Customer-Churn.csv, line 7043",
        "sklearn.exceptions.NotFittedError: This HistGradientBoostingClassifier instance is not fitted yet",
        "the basic test of tokens and keys: passed: 5, bypass: true, max_tokens=512, tokenizer=word, basic training",
        "flows runs resume 3f9a81c2 --force train_sweep",
        "cv_roc_auc 0.8432 (2026-11-23T12:00:00Z)",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Masker({"PATH": "/usr/bin", "HOME": "/home/me"})(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "CLEARML_API_ACCESS_KEY",
        "CLEARML_API_SECRET_KEY",
        "KAGGLE_KEY",
        "KAGGLE_API_TOKEN",
        "PGPASSWORD",
        "db_password",
        "SENTRY_DSN",
        "FLOWS_NOTIFY_TEAM",
        "CLEARML_WEBHOOK_URL",
    ],
)
def test_a_variable_with_such_a_name_is_secret_wherever_its_value_stands(name: str) -> None:
    assert Masker({name: "open sesame & more"})("x-open sesame & more, open+sesame+%26+more") == "x-***, ***"


@pytest.mark.parametrize("name", ["PATH", "KEYBOARD", "MONKEY", "AUTHOR", "PASSENGERS", "CLEARML_API_HOST"])
def test_other_variables_are_not(name: str) -> None:
    assert not is_secret_name(name)


def test_the_path_of_a_key_is_no_key(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    text = f"{key} in {tmp_path} cannot be read"
    assert Masker({"PWD": str(tmp_path), "TLS_KEY": str(key)})(text) == text
    assert Masker({"TLS_KEY": "/5f/gone"})("/5f/gone") == "***"


def test_short_values_are_left_alone() -> None:
    assert Masker({"A_TOKEN": "1", "B_TOKEN": "", "C_TOKEN": "000000"})("1 of 000000") == "1 of 000000"


def test_what_of_a_url_is_secret() -> None:
    assert tokens("https://h.example.com/services/T1JJ3T3L2/A1BRTD4JD")[1:] == ["T1JJ3T3L2", "A1BRTD4JD"]
    mail = "mailtos://me:s%40same@example.com:587?smtp=mail.example.com&to=ops@example.com"
    assert tokens(mail) == [mail, "s%40same", "s@same"]


@pytest.mark.parametrize(
    "text", ["token" * 4000, "a." * 10_000, "x-" * 10_000, "aB1" * 7000, "://@" * 5000, "basic " * 3000]
)
def test_no_text_takes_long(text: str) -> None:
    begun = monotonic()
    Masker({})(text)
    assert monotonic() - begun < 30
