"""How to log in to the server in Docker as its first user: for whoever makes a key for it."""

from dataclasses import dataclass, field

from flows.settings import Settings
from ops.docker import environment
from ops.docker.stack import stack


@dataclass(frozen=True)
class Access:
    """Where the server is, and the user that it was made with; the password is for `auth.login` and never shown."""

    api_url: str
    web_url: str
    files_url: str
    user: str
    password: str = field(repr=False)


def access(settings: Settings) -> Access | None:
    """The access to this project's server in Docker; None if none was set up. Raises FlowsError for a damaged .env."""
    values = environment.read(stack(settings).env_file)
    if values is None:
        return None
    hosts = environment.addresses(settings.docker)
    return Access(hosts["api"], hosts["web"], hosts["files"], environment.USER, values["SERVER_PASSWORD"])
