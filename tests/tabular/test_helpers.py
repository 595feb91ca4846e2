"""What travels with a step is what it names, and what that names."""

from clearml_flows.tabular import artifacts, helpers, reporting
from clearml_flows.tabular.helpers import with_helpers


def outermost() -> list[str]:
    return [inner() for _ in range(3)]


def inner() -> str:
    return artifacts.dump_ref({})


def test_a_function_brings_what_it_names_in_any_depth() -> None:
    names = [function.__name__ for function in with_helpers(reporting.value_events)]
    assert names == ["value_events", "single_events"]


def test_the_order_in_which_they_are_named_does_not_count() -> None:
    one, other = artifacts.fetch_artifact, reporting.value_events
    assert with_helpers(one, other) == with_helpers(other, one, one)


def test_names_within_comprehensions_and_inner_functions_count() -> None:
    assert set(helpers._global_names(outermost.__code__)) == {"range", "inner"}


def test_what_is_not_of_this_package_stays() -> None:
    assert with_helpers(outermost) == [outermost]
