"""The names of steps that `--force` takes."""

import pytest

from clearml_flows.errors import BadInput
from clearml_flows.run.step_names import check_steps, step_names
from tests.e2e.test_churn_flow import STEPS


def test_the_steps_of_a_flow_are_known_without_running_it() -> None:
    assert step_names() == STEPS


def test_an_unknown_step_is_refused_with_the_nearest() -> None:
    check_steps("churn", ["features", "train_sweep"])
    with pytest.raises(BadInput, match="churn has no step 'trainsweep'; did you mean 'train_sweep'"):
        check_steps("churn", ["features", "trainsweep"])
