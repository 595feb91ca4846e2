from clearml_flows.localserver.accounts import end_session
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.wire import Json


@endpoint("login.supported_modes", open=True)
def supported_modes(call: Call) -> Json:
    """Report that no browser login mode is enabled. Clients use key pairs."""
    return {
        "authenticated": bool(call.user),
        "basic": {"enabled": False, "guest": {"enabled": False}},
        "sso": {},
        "sso_providers": [],
        "server_errors": {"missed_es_upgrade": False, "es_connection_error": False},
    }


@endpoint("login.logout", open=True, writes=True)
def logout(call: Call) -> Json:
    end_session(call.db, call.identity)
    return {}
