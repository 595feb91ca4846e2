"""Find ClearML projects by name."""

import re

from clearml_flows.backend.client import Api


def project_id(api: Api, name: str, create: bool = False) -> str:
    """Return the id of the project with exactly this name. Creates it if `create` is true.

    Empty if there is no such project.
    """
    query = {"name": f"^{re.escape(name)}$", "only_fields": ["id", "name"], "search_hidden": True}
    found = [one["id"] for one in api.call("projects.get_all", **query)["projects"] if one["name"] == name]
    if not found and create:
        return str(api.call("projects.create", name=name, description="")["id"])
    return str(found[0]) if found else ""
