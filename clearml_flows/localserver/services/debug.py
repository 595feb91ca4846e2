from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.wire import Json


@endpoint("debug.ping", open=True)
def ping(call: Call) -> Json:
    """Answer with the fields of the request, to show that the server is running."""
    return {"msg": "ClearML server", **call.data}
