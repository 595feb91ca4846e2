"""Endpoints that need an administrator or system role. The local user has role `user`."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.tokens import ROLE
from clearml_flows.localserver.wire import Json

_SYSTEM = ("system", "root")
_ADMIN = ("system", "root", "admin")
_RESERVED = {
    "auth.create_user": _SYSTEM,
    "auth.edit_user": _ADMIN,
    "auth.get_token_for_user": _SYSTEM,
    "auth.validate_token": _SYSTEM,
    "server.config": ("root", "system"),
    "server.endpoints": ("root", "system"),
    "server.get_stats": ("root", "system"),
    "users.create": _SYSTEM,
    "users.delete": _SYSTEM,
}


def _reserve(name: str, roles: tuple[str, ...]) -> None:
    @endpoint(name)
    def refuse(_: Call) -> Json:
        raise errors.Forbidden("not allowed for role", role=ROLE, allowed=roles)


for _name, _roles in _RESERVED.items():
    _reserve(_name, _roles)
