from localserver.registry import ENDPOINTS, Call, endpoint
from localserver.tokens import API_VERSION, SERVER_VERSION
from localserver.wire import Json


@endpoint("server.info")
def info(_: Call) -> Json:
    return {"version": SERVER_VERSION, "build": "", "uid": "localserver"}


@endpoint("server.endpoints")
def endpoints(_: Call) -> Json:
    """Every endpoint there is, by service."""
    services: dict[str, list[str]] = {}
    for name in sorted(ENDPOINTS):
        services.setdefault(name.partition(".")[0], []).append(name)
    return {"endpoints": services, "api_version": API_VERSION}


@endpoint("login.supported_modes", open=True)
def supported_modes(_: Call) -> Json:
    """None that a browser could use: clients come with a key pair."""
    return {"authenticated": False, "basic": {"enabled": False}, "sso": {}, "sso_providers": [], "server_errors": {}}
