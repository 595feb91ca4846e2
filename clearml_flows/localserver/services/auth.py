from clearml_flows.localserver import errors
from clearml_flows.localserver.accounts import end_session
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.tokens import COMPANY, LIFETIME_SECONDS
from clearml_flows.localserver.wire import Json


@endpoint("auth.login")
def login(call: Call) -> Json:
    lifetime = int(call.data.get("expiration_sec") or LIFETIME_SECONDS)
    return {"token": call.server.accounts.issue(call.identity, lifetime)}


@endpoint("auth.logout", writes=True)
def logout(call: Call) -> Json:
    end_session(call.db, call.identity)
    return {}


@endpoint("auth.fixed_users_mode", open=True)
def fixed_users_mode(_: Call) -> Json:
    """Report that password login is off. Clients log in with key pairs only."""
    return {"enabled": False, "guest": {"enabled": False}, "server_errors": {}}


@endpoint("auth.get_credentials")
def get_credentials(call: Call) -> Json:
    """List the key pairs without their secrets, with label and last use where set."""
    names = {"access_key": "key", "label": "label", "last_used": "last_used", "last_used_from": "last_used_from"}
    shown = [{name: getattr(key, attribute) for name, attribute in names.items()} for key in call.db.keys.all()]
    return {"credentials": [{name: value for name, value in key.items() if value is not None} for key in shown]}


@endpoint("auth.create_credentials", writes=True)
def create_credentials(call: Call) -> Json:
    """Create a key pair. Only this answer contains the secret."""
    label = call.data.get("label")
    access_key, secret_key = call.server.accounts.create(call.db, label)
    made = {"access_key": access_key, "secret_key": secret_key}
    return {"credentials": {**made, "label": label} if label is not None else made}


@endpoint("auth.edit_credentials", writes=True)
def edit_credentials(call: Call) -> Json:
    key = call.data["access_key"]
    if not call.db.keys.relabel(key, call.data.get("label")):
        raise errors.InvalidAccessKey(
            "invalid user or invalid access key", user=call.user, access_key=key, company=COMPANY
        )
    return {"updated": 1}


@endpoint("auth.revoke_credentials", writes=True)
def revoke_credentials(call: Call) -> Json:
    """Delete a key pair and invalidate the tokens issued with it.

    ClearML Server keeps such tokens valid. The installation's own pair cannot be revoked, because clearml.conf uses it.

    Raises:
        errors.InvalidUserId: The key pair is the installation's own.
        errors.InvalidUser: The key pair does not exist.
    """
    key = call.data["access_key"]
    if key == call.server.accounts.own_key:
        raise errors.InvalidUserId("protected identity")
    if not call.db.keys.delete(key):
        raise errors.InvalidUser(
            "invalid user or invalid access key", id=call.user, company=COMPANY, credentials__key=key
        )
    return {"revoked": 1}
