from localserver.registry import Call, endpoint
from localserver.services.projects.contents import tags
from localserver.wire import Json


@endpoint("organization.get_tags")
def get_tags(call: Call) -> Json:
    """The tags of all Tasks and models."""
    return tags(call.asking({**call.data, "projects": None}), [call.db.tasks, call.db.models])
