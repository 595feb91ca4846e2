"""Command `flows setup`."""

from collections.abc import Callable
from typing import Any

import click

from clearml_flows.backend.configuration import VARIABLES
from clearml_flows.cli.options import as_json, examples, one_sentence
from clearml_flows.cli.setup_answers import complete, complete_kaggle, complete_user
from clearml_flows.cli.tables import say, show_facts
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.setup import api as setting_up
from clearml_flows.setup.kaggle_account import setup_kaggle
from clearml_flows.setup.password_key import setup_by_password, setup_docker


def _given(name: str, about: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(setting_up.option(name), envvar=VARIABLES[name], show_envvar=True, default="", help=about)


@click.command(
    epilog=examples(
        "flows setup                                            # asks for each value",
        "flows setup --api-host https://api.example.com --access-key KEY --secret-stdin    # pipe the secret in",
        "flows setup --secret-stdin                             # pipe in the block api { … } of the server's page",
        "flows setup --docker                                   # after flows server up --docker",
        "flows setup --api-host https://api.example.com --user ada",
        "flows setup --kaggle",
        "flows setup --show",
    )
)
@_given("api_host", "API address, such as http://localhost:8008.")
@_given("web_host", "Address of the pages (default: derived from the API address).")
@_given("files_host", "Address of the file server (default: derived from the API address).")
@_given("access_key", "Access key. The secret is asked for, or comes from CLEARML_API_SECRET_KEY.")
@click.option("--secret-stdin", is_flag=True, help="Read the secret key, api block or password from stdin.")
@click.option("--docker", is_flag=True, help="Make and store a key for the server of `flows server up --docker`.")
@click.option(
    "--user", default="", metavar="NAME", help="Log in with this user's password and make a key on the server."
)
@click.option("--kaggle", is_flag=True, help="Store a Kaggle account instead (a token or a kaggle.json).")
@click.option("--verify", is_flag=True, help="With --kaggle: log in to Kaggle before storing.")
@click.option("--show", "showing", is_flag=True, help="Show the configuration in force and its sources, keys masked.")
@as_json
@one_sentence
def setup(
    secret_stdin: bool, docker: bool, user: str, kaggle: bool, verify: bool, showing: bool, as_json: bool, **given: str
) -> None:
    """Configure the ClearML Server in clearml.conf.

    Logs in to the server before anything is written. All other content of the file (CLEARML_CONFIG_FILE, else
    clearml.conf in the home directory) stays, including comments. The earlier file is kept as clearml.conf.bak. Secrets
    are no options, because other users of the machine could see them.
    """
    if showing + docker + kaggle + bool(user) > 1:
        raise BadInput("--show, --docker, --user and --kaggle are four things to do; give one of them")
    if showing:
        _show(as_json)
        return
    try:
        if kaggle:
            done = setup_kaggle(complete_kaggle(secret_stdin), verify)
        elif docker:
            done = setup_docker()
        elif user:
            done = setup_by_password(*complete_user(given, user, secret_stdin), user=user)
        else:
            done = setting_up.setup(setting_up.Server.of(complete(given, secret_stdin)))
    except (KeyboardInterrupt, EOFError, click.Abort):
        raise FlowsError("interrupted; nothing was changed") from None
    say(done, as_json, "\n".join([*_wrote(done), *(_about_kaggle(done) if kaggle else _about_server(done))]))


def _show(as_json: bool) -> None:
    found = setting_up.show()
    sources = found["sources"]
    facts = {name: f"{found[name]}  ({sources[name]})" for name in setting_up.NAMES if name in sources}
    show_facts(found, as_json, {"backend": found["backend"], **facts})


def _wrote(done: dict[str, Any]) -> list[str]:
    before = f"; what it was before is {done['backup']}" if done["backup"] else ""
    wrote = f"wrote {done['file']}{before}" if done["changed"] else f"{done['file']} says that already"
    wins = [f"{source} says something else, and wins over the file" for source in done["overruled_by"]]
    return [wrote, *wins]


def _about_server(done: dict[str, Any]) -> list[str]:
    silent = [f"{done[name]} does not answer ({why}); see to it" for name, why in done["answers"].items() if why]
    return [f"logged in to {done['api_host']} with the key {done['access_key']}", *silent]


def _about_kaggle(done: dict[str, Any]) -> list[str]:
    return ["Kaggle knows the account" if done["verified"] else "Kaggle was not asked; `flows doctor` does"]
