"""`flows models` against a backend, one command after the other, as a child process of a test.

`python -m tests.support.model_verbs FOLDER` prints as JSON how each of them ended.
"""

import hashlib
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from clearml import Model, StorageManager
from click.testing import CliRunner

from clearml_flows.cli.main import main
from clearml_flows.models.api import load_model
from clearml_flows.tabular.reporting import make_client
from tests.support.churn_models import raw_customers, register

folder = Path(sys.argv[1])
told: dict[str, Any] = {}


def flows(story: str, *arguments: str) -> Any:
    """Runs `flows models …`; its JSON if it printed some."""
    result = CliRunner().invoke(main, ["models", *arguments])
    told[story] = {"exit_code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr}
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout) if result.stdout[:1] in ("{", "[") else None


def tags() -> dict[str, list[str]]:
    return {model.id: model.tags for model in Model.query_models(project_name="clearml-flows/models")}


def predict(story: str, *options: str, name: str = "churn", source: str = "raw.csv") -> Any:
    return flows(story, "predict", name, str(folder / source), "-o", str(folder / f"{story} out.csv"), *options)


def replace_file(model_id: str, content: bytes) -> None:
    (folder / "other").write_bytes(content)
    StorageManager.upload_file(str(folder / "other"), Model(model_id=model_id).url)


def verbs(client: Any) -> None:
    flows("nothing registered", "predict", "churn", str(folder / "raw.csv"), "-o", str(folder / "x.csv"))
    told["ids"] = first, second = register(client, 1.0), register(client, 0.1)
    told["registered"] = tags()
    predict("nothing in production")
    flows("promote first", "promote", first, "--json")
    told["after first"] = tags()
    flows("promote again", "promote", first)
    flows("promote second", "promote", second, "--why", "it is better")
    told["after second"] = tags()
    told["list"], told["show"] = flows("list", "--json"), flows("show", "show", second, "--json")
    for story, *version in [("production",), ("latest", "latest"), ("number", "1"), ("id", first)]:
        told[f"predicted {story}"] = predict(story, "--json", *(("--version", *version) if version else ()))
    told["rolled back"] = flows("rollback", "rollback", "--why", "complaints", "--json")
    told["after rollback"] = tags()
    flows("rollback of the first", "rollback")
    told["after two rollbacks"] = tags()
    flows("nothing to take back", "rollback")
    told["history"] = flows("history", "history", "--json")
    for story, *arguments in [
        ("list as text", "list"),
        ("show as text", "show", first),
        ("history as text", "history", "churn"),
        ("unknown id", "promote", "nope"),
        ("unknown name", "history", "chrun"),
    ]:
        flows(story, *arguments)


def predictions(client: Any, first: str) -> None:
    flows("in production for predictions", "promote", first)
    for story, source in [("odd", "odd.csv"), ("bad", "bad.csv"), ("none", "none.csv"), ("folder", ".")]:
        predict(story, "--json", source=source)
    flows("to stdout", "predict", "churn", str(folder / "raw.csv"), "-o", "-")
    flows("stdout twice", "predict", "churn", str(folder / "raw.csv"), "-o", "-", "--json")
    predict("unknown version", "--version", "7")
    model = load_model("churn")
    told["loaded"] = [model.id, model.columns, model.threshold, sorted(model.schema), type(model.pipeline).__name__]


def synthetic(client: Any) -> None:
    made_up = register(client, 0.5, "made-up", ("candidate", "synthetic"))
    flows("two names", "rollback")
    # Another data directory: the same backend is then a server that someone configured.
    os.environ["FLOWS__SERVER__DATA_DIR"] = str(folder / "another")
    flows("synthetic on a server", "promote", made_up)
    os.environ["FLOWS__SERVER__DATA_DIR"] = told["data_dir"]
    flows("synthetic on a laptop", "promote", made_up)


def damage(client: Any, first: str, second: str) -> None:
    flows("second before damage", "promote", second)
    client.models.edit(model=second, name="churn", tags=["production"], uri="file:///model.pkl")
    predict("by name a pickle")
    other = Model(model_id=first).url
    client.models.edit(model=second, uri=other)
    predict("wrong hash")
    features = {"target": "Churn", "numeric": ["tenure"], "categorical": ["Contract"]}
    fewer = {"key": "features", "type": "dict", "value": json.dumps(features)}
    client.models.add_or_update_metadata(model=first, metadata=[fewer])
    predict("other columns", "--version", first)
    # A pickle that has the registered hash is still not read.
    content = pickle.dumps({"a": 1})
    replace_file(first, content)
    predict("tampered", "--version", first)
    flows("rollback to a tampered one", "rollback", "churn")
    flows("promote a tampered one", "promote", first)
    item = {"key": "sha256", "type": "str", "value": hashlib.sha256(content).hexdigest()}
    client.models.add_or_update_metadata(model=first, metadata=[item])
    predict("a pickle with its hash", "--version", first)
    client.models.edit(model=first, uri=other.replace("/models/", "/gone/"))
    predict("file gone", "--version", first)
    bare = client.models.create(uri=other, name="bare", project=client.models.get_by_id(model=first).project)
    predict("without hash", "--version", bare.id, name="bare")


def story() -> None:
    customers = raw_customers(60, 7)
    customers.drop(columns="Churn").to_csv(folder / "raw.csv", index=False)
    customers.loc[[3, 4], ["Contract", "customerID"]] = ["Ten years", "=cmd()"]
    customers.to_csv(folder / "odd.csv", index=False)
    customers.assign(MonthlyCharges=-1).drop(columns="tenure").to_csv(folder / "bad.csv", index=False)
    told["data_dir"] = os.environ["FLOWS__SERVER__DATA_DIR"]
    client = make_client()
    verbs(client)
    predictions(client, told["ids"][0])
    synthetic(client)
    damage(client, *told["ids"])


if __name__ == "__main__":
    story()
    sys.stdout.write(f"\n{json.dumps(told, default=str)}\n")
