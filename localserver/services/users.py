from localserver import fields
from localserver.registry import Call, endpoint
from localserver.tokens import COMPANY, COMPANY_NAME, ROLE
from localserver.wire import Json


def _user(call: Call) -> Json:
    return {"id": call.user, "name": call.user, "company": {"id": COMPANY, "name": COMPANY_NAME}, "role": ROLE}


@endpoint("users.get_current_user")
def get_current_user(call: Call) -> Json:
    return {"user": _user(call)}


@endpoint("users.get_all", fields=fields.FILTERS)
def get_all(call: Call) -> Json:
    """There is one."""
    ids = call.data.get("id")
    return {"users": [_user(call)] if not ids or call.user in ids else []}


@endpoint("users.get_all_ex", fields=fields.FILTERS)
def get_all_ex(call: Call) -> Json:
    return get_all(call)
