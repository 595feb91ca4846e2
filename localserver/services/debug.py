from localserver.registry import Call, endpoint
from localserver.wire import Json


@endpoint("debug.ping", open=True)
def ping(_: Call) -> Json:
    return {"msg": "ClearML server"}
