from localserver.registry import Call, endpoint
from localserver.wire import Json


@endpoint("debug.ping", open=True)
def ping(call: Call) -> Json:
    """A sign of life, with the request's own fields."""
    return {"msg": "ClearML server", **call.data}
