"""Remove all projects, with what is in them, and queues whose names begin with the argument; tell what is left."""

from clearml.backend_api.session.client import APIClient

from tests.contract.child import Document, tell


def clean(project: str) -> Document:
    client = APIClient()
    top = client.projects.get_all(name=f"^{project}", search_hidden=True, _allow_extra_fields_=True)
    for found in top:
        if "/" not in found.name:
            client.projects.delete(project=found.id, delete_contents=True, force=True)
    for queue in client.queues.get_all(name=f"^{project}"):
        client.queues.delete(queue=queue.id, force=True)
    hidden = {"search_hidden": True, "_allow_extra_fields_": True}
    return {
        "projects": [found.name for found in client.projects.get_all(name=f"^{project}", **hidden)],
        "queues": [found.name for found in client.queues.get_all(name=f"^{project}")],
        "tasks": [found.name for found in client.tasks.get_all(name=f"^{project}", **hidden)],
    }


tell(clean)
