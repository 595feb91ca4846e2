"""Login data of the first user of the server in Docker. `flows setup` makes a key with them."""

from dataclasses import dataclass, field

from flows.settings import Settings
from ops.docker import environment
from ops.docker.stack import stack


@dataclass(frozen=True)
class Access:
    """Addresses of the server and the login of its first user.

    The password is for `auth.login` and is never shown.
    """

    api_url: str
    web_url: str
    files_url: str
    user: str
    password: str = field(repr=False)


def access(settings: Settings) -> Access | None:
    """Return the access to this project's server in Docker, or None if none is set up.

    Raises FlowsError for a damaged .env.
    """
    values = environment.read(stack(settings).env_file)
    if values is None:
        return None
    hosts = environment.addresses(settings.docker)
    return Access(hosts["api"], hosts["web"], hosts["files"], environment.USER, values["SERVER_PASSWORD"])
