from localserver import errors
from localserver.registry import Call, endpoint
from localserver.tokens import COMPANY, LIFETIME_SECONDS, ROLE
from localserver.wire import Json


@endpoint("auth.login")
def login(call: Call) -> Json:
    return {"token": call.server.tokens.issue(call.user, int(call.data.get("expiration_sec") or LIFETIME_SECONDS))}


@endpoint("auth.validate_token", required=("token",))
def validate_token(call: Call) -> Json:
    """Whether a token is good: what the file server asks about the tokens that it is shown."""
    try:
        payload = call.server.tokens.verify(call.data["token"])
    except errors.InvalidToken as error:
        return {"msg": str(error), "valid": False}
    return {"company": COMPANY, "user": payload["identity"]["user"], "valid": True}


@endpoint("auth.get_credentials")
def get_credentials(call: Call) -> Json:
    return {"credentials": [{"access_key": call.server.access_key, "label": "this installation"}]}


@endpoint("auth.create_user")
def create_user(_: Call) -> Json:
    raise errors.Forbidden("not allowed for role", role=ROLE, allowed=("system", "root"))
