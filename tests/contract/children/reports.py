"""Reports, and many files deleted at once, by plain requests: the SDK has no classes for these."""

from typing import Any

import requests
from clearml.backend_api.session import Session

from tests.contract.child import Document, tell


class Server:
    def __init__(self) -> None:
        self.session = Session()
        self.files = Session.get_files_server_host()

    def __call__(self, endpoint: str, **data: Any) -> Any:
        """The data of a good answer, or the code of another one."""
        service, action = endpoint.split(".")
        answer = self.session.send_request(service, action, version="2.34", method="post", json=data).json()
        meta = answer["meta"]
        return answer["data"] if meta["result_code"] == 200 else [meta["result_code"], meta["result_subcode"]]

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session.token}"}


def run(project: str) -> Document:
    server = Server()
    return {"reports": reports(server, project), "files": files(server, project), "account": account(server)}


def reports(server: Server, project: str) -> Document:
    home = server("projects.create", name=f"{project}/about", description="")["id"]
    report = server("reports.create", name="first", project=home, tags=["b", "a"], comment="c")["id"]

    def read(*fields: str) -> Any:
        (found,) = server("reports.get_all_ex", id=[report], only_fields=list(fields))["tasks"]
        return {name: value for name, value in found.items() if name != "id"}

    told: Document = {
        "made": read("name", "tags", "system_tags", "type", "status", "comment"),
        "home": read("project.name")["project"]["name"].removeprefix(project),
        "of the project": [task["name"] for task in server("reports.get_all_ex", project=home)["tasks"]],
        "hidden": server("tasks.get_all", name="^first$", project=[read("project")["project"]["id"]]),
        "changed": server("reports.update", task=report, report="# Title\ntext", tags=["z", "y"]),
        "found": [
            task["name"]
            for task in server("reports.get_all_ex", _any_={"pattern": "# Title", "fields": ["report"]}, project=home)[
                "tasks"
            ]
        ],
    }
    told["moved"] = bool(server("reports.move", task=report, project_name=f"{project}/elsewhere"))
    told["new home"] = read("project.name")["project"]["name"].removeprefix(project)
    told["published"] = server("reports.publish", task=report)["fields"]["status"]
    told["text of a published one"] = server("reports.update", task=report, report="other")
    told["name of a published one"] = server("reports.update", task=report, name="renamed")
    told["archived"] = [server("reports.archive", task=report), read("system_tags")["system_tags"]]
    told["deleted"] = server("reports.delete", task=report, force=True)
    told["gone"] = server("reports.update", task=report, name="renamed")
    told["no report"] = not_a_report(server, project)
    return told


def not_a_report(server: Server, project: str) -> Any:
    home = server("projects.create", name=f"{project}/plain", description="")["id"]
    task = server("tasks.create", name="plain", type="training", project=home)["id"]
    return server("reports.archive", task=task)


def files(server: Server, project: str) -> Document:
    for name in ("a/b", "a/c d", "e"):
        path = f"{project}/{name}"
        requests.post(server.files, files={path: (path, b"x")}, headers=server.headers(), timeout=30).raise_for_status()
    names = [f"{project}/a", f"{project}/e", f"{project}/nope", ""]
    body = {"files": names}
    answer = requests.post(f"{server.files}/delete_many", json=body, headers=server.headers(), timeout=30).json()
    left = requests.get(f"{server.files}/{project}/a/b", headers=server.headers(), timeout=30).status_code
    short = {name.removeprefix(project): path.removeprefix(project) for name, path in answer["deleted"].items()}
    errors = {reason: [name.removeprefix(project) for name in failed] for reason, failed in answer["errors"].items()}
    return {"deleted": short, "errors": errors, "left": left}


def account(server: Server) -> Document:
    user = server("users.get_current_user")
    return {
        "fields": sorted(user),
        "by id": server("users.get_by_id", user=user["user"]["id"])["user"]["name"] == user["user"]["name"],
        "unknown": server("users.get_by_id", user="nobody at all"),
        "bad preference": server("users.set_preferences", preferences={"a": {"b.c": 1}}),
        "unknown key": server("auth.edit_credentials", access_key="nope", label="x"),
        "reserved": [server(name) for name in ("users.create", "auth.get_token_for_user", "server.config")],
        "info": sorted(set(server("server.info")) - {"uid"}),
    }


if __name__ == "__main__":
    tell(run)
