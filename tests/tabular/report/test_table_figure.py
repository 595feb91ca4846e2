from clearml_flows.tabular.report.table_figure import table_figure


def test_rows_become_columns_of_readable_texts() -> None:
    figure = table_figure([{"rule": "minimum", "passed": True, "value": 0.123456}, {"rule": "data", "note": None}])
    table = figure["data"][0]
    assert table["type"] == "table"
    assert table["header"]["values"] == ["rule", "passed", "value", "note"]
    assert table["cells"]["values"] == [["minimum", "data"], ["yes", ""], ["0.1235", ""], ["", ""]]
