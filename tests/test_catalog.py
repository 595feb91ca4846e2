"""The flows that there are, and what goes with each."""

import pytest

from clearml_flows.catalog import flow_names, metrics_of, schema_text
from clearml_flows.errors import BadInput
from clearml_flows.settings import load
from clearml_flows.tabular.data.table_schema import load_schema


@pytest.mark.parametrize("flow", flow_names())
def test_each_flow_has_settings_and_a_schema(flow: str) -> None:
    assert load().flow(flow).metric in metrics_of(flow)
    assert load_schema(schema_text(flow))["name"]


def test_a_metric_of_another_kind_of_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__WINE__METRIC", "roc_auc")
    with pytest.raises(BadInput, match=r"wine.metric is 'roc_auc': it can be one of r2, rmse, mae"):
        load().flow("wine")
    monkeypatch.setenv("FLOWS__CHURN__GATE_METRIC", "test_r2")
    with pytest.raises(BadInput, match=r"churn.gate_metric is 'test_r2': it can be one of roc_auc, "):
        load().flow("churn")
