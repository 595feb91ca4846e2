"""Login data of the first user of the server in Docker. `flows setup` makes a key with them."""

from dataclasses import dataclass, field

from clearml_flows.server import env_file
from clearml_flows.server.stack import stack
from clearml_flows.settings import Settings


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
    values = env_file.read(stack(settings).env_file)
    if values is None:
        return None
    hosts = env_file.addresses(settings.docker)
    return Access(hosts["api"], hosts["web"], hosts["files"], env_file.USER, values["SERVER_PASSWORD"])
