import inspect
import re

import pytest

from clearml_flows.localserver import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.ApiError)]


def test_a_message_names_its_parts() -> None:
    assert str(errors.InvalidTaskId(ids=("a", "b"))) == "Invalid task id: ids=(a, b)"
    assert str(errors.InvalidModelId("no such model", id="a")) == "Invalid model id (no such model): id=a"
    assert str(errors.Unauthorized()) == "Unauthorized (missing credentials)"
    assert str(errors.BadRequest("What it says.")) == "What it says."


@pytest.mark.parametrize("error", CLASSES)
def test_the_tree_in_the_docstring_shows_every_class_with_its_code(error: type[errors.ApiError]) -> None:
    assert errors.__doc__
    assert re.search(rf"\b{error.__name__} +{error.code}/{error.subcode}\b", errors.__doc__)


@pytest.mark.parametrize("error", CLASSES)
def test_no_code_makes_the_sdk_retry_for_ever(error: type[errors.ApiError]) -> None:
    assert 301 <= error.code <= 500
