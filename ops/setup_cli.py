"""`flows setup`: the ClearML Server that this user's commands use."""

from collections.abc import Callable
from typing import Any

import click

from flows.configuration import VARIABLES
from flows.errors import FlowsError
from ops import setup as setting_up
from ops.command import as_json, examples, one_sentence
from ops.setup_answers import complete
from ops.tables import say, show_facts


def _given(name: str, about: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(setting_up.option(name), envvar=VARIABLES[name], show_envvar=True, default="", help=about)


@click.command(
    epilog=examples(
        "flows setup                                            # at a terminal: asks",
        "flows setup --api-host https://api.example.com --access-key KEY --secret-stdin    # with the secret piped in",
        "flows setup --secret-stdin                             # with the block api { … } of its page piped in",
        "flows setup --show",
    )
)
@_given("api_host", "The server's API, like http://localhost:8008.")
@_given("web_host", "Its pages; follows from the API's address where that has ClearML's ports or subdomains.")
@_given("files_host", "Its file server, likewise.")
@_given("access_key", "The access key. Its secret is asked for, or comes from CLEARML_API_SECRET_KEY.")
@click.option("--secret-stdin", is_flag=True, help="Read the secret key, or a block api { … }, from stdin.")
@click.option("--show", "showing", is_flag=True, help="Say what is in force and from where, with the keys masked.")
@as_json
@one_sentence
def setup(secret_stdin: bool, showing: bool, as_json: bool, **given: str) -> None:
    """Store which ClearML Server to use, in clearml.conf.

    The server and the keys are checked by logging in before anything is written. The file (CLEARML_CONFIG_FILE, else
    clearml.conf in the home directory) keeps all else that it holds, comments too; what it was before stays beside it
    as clearml.conf.bak. A secret is no option: others on the machine could see it.
    """
    if showing:
        _show(as_json)
        return
    try:
        done = setting_up.setup(setting_up.Server.of(complete(given, secret_stdin)))
    except (KeyboardInterrupt, EOFError, click.Abort):
        raise FlowsError("interrupted; nothing was changed") from None
    say(done, as_json, "\n".join(_lines(done)))


def _show(as_json: bool) -> None:
    found = setting_up.show()
    sources = found["sources"]
    facts = {name: f"{found[name]}  ({sources[name]})" for name in setting_up.NAMES if name in sources}
    show_facts(found, as_json, {"backend": found["backend"], **facts})


def _lines(done: dict[str, Any]) -> list[str]:
    before = f"; what it was before is {done['backup']}" if done["backup"] else ""
    wrote = f"wrote {done['file']}{before}" if done["changed"] else f"{done['file']} says that already"
    silent = [f"{done[name]} does not answer ({why}); see to it" for name, why in done["answers"].items() if why]
    wins = [f"{source} names something else, and wins over the file" for source in done["overruled_by"]]
    logged_in = f"logged in to {done['api_host']} with the key {done['access_key']}"
    return [logged_in, wrote, *silent, *wins]
