"""What is read off a flow's file, without ClearML."""

import subprocess
import sys
from pathlib import Path

import pytest

from clearml_flows import flow_file
from clearml_flows.errors import BadInput
from clearml_flows.flow_file import check_flow, read_flow
from clearml_flows.run.parameters import configured_values, groups_of, sections_of
from clearml_flows.settings import load
from tests.e2e.test_churn_flow import STEPS

BRANCHES = """
from clearml import PipelineDecorator
from clearml_flows.flow import flow, result
from clearml_flows.settings import Data, Features, Training

@PipelineDecorator.component(return_values=["left", "rest"], packages=["numpy>=2,<3"])
def split(rows: int, seed: int = 1) -> tuple[str, str]:
    "Split."
    return "", ""

@PipelineDecorator.component(return_values="total", name="join")
def joined(left: str, rest: str, factor: float) -> str:
    return ""

@flow("shop")
def shop(data: Data, drawn: Features, training: Training, factor: float = 1.5) -> None:
    left, rest = split(data.rows, seed=drawn.seed)
    joined(result(left), result(rest), factor)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> flow_file.FlowFile:
    (tmp_path / "shop_flow.py").write_text(BRANCHES, "utf-8")
    monkeypatch.setattr(flow_file, "flow_file", lambda name: tmp_path / f"{name}_flow.py")
    return read_flow.__wrapped__("shop")


def test_the_steps_of_the_churn_flow_in_their_order() -> None:
    assert list(read_flow("churn").components) == STEPS


def test_reading_imports_neither_clearml_nor_pandas() -> None:
    code = "import sys; from clearml_flows.flow_file import read_flow; read_flow('churn'); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert not {"clearml", "pandas", "numpy", "sklearn", "components.download"} & set(told.split())


def test_components_of_the_file_itself(shop: flow_file.FlowFile) -> None:
    assert [(one.name, one.returns, one.packages) for one in shop.components.values()] == [
        ("split", ("left", "rest"), ("numpy>=2,<3",)),
        ("join", ("total",), ()),
    ]


def test_arguments_of_steps_with_the_settings(shop: flow_file.FlowFile) -> None:
    values = configured_values(shop.function, "shop", load())
    assert shop.arguments(groups_of(shop.function, values)) == {
        "split": {"rows": 3500, "seed": 42},
        "join": {"left": "left", "rest": "rest", "factor": 1.5},
    }


def test_values_are_in_sections_and_fields_of_one_name_are_told_apart(shop: flow_file.FlowFile) -> None:
    assert sections_of(shop.function) == {
        "data": ["source", "rows", "max_bytes", "timeout", "drift_warn", "drift_refuse"],
        "features": ["test_size", "features_seed"],
        "training": ["folds", "repeats", "jobs", "training_seed"],
        "Args": ["factor"],
    }


def test_a_file_without_its_flow_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_flow.py").write_text(BRANCHES.replace('@flow("shop")', '@flow("shops")'), "utf-8")
    monkeypatch.setattr(flow_file, "flow_file", lambda name: tmp_path / f"{name}_flow.py")
    with pytest.raises(BadInput, match=r"shop_flow.py declares no flow 'shop': put @flow\('shop'\) above its function"):
        read_flow.__wrapped__("shop")


def test_an_unknown_step_is_refused_with_the_nearest() -> None:
    check_flow("churn", load(), ["features", "train_sweep"])
    with pytest.raises(BadInput, match="churn has no step 'trainsweep'; did you mean 'train_sweep'"):
        check_flow("churn", load(), ["features", "trainsweep"])


def test_reading_beside_clearml_leaves_its_modules_and_steps_as_they_are() -> None:
    code = """
import sys, clearml
from clearml_flows.flow_file import read_flow
from flows import churn_flow
before = {name: id(module) for name, module in sys.modules.items() if name.startswith(("clearml.", "components"))}
known = len(clearml.PipelineDecorator._added_decorator)
steps = list(read_flow("churn").components)
after = {name: id(module) for name, module in sys.modules.items() if name in before}
print(before == after, known == len(clearml.PipelineDecorator._added_decorator) == 7, *steps)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.split() == ["True", "True", *STEPS]
