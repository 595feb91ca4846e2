"""Download a file of a Kaggle dataset with Kaggle's own client.

The client runs in a child process with a time limit, because it:

- calls the network without a timeout,
- prints to the console,
- asks for credentials at import, and exits the process if there are none.

Only messages written in this module come back from the child: the client's own may hold signed links.
Steps embed these functions (see `tabular/helpers.py`).
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.failure import tell_transient


def fetch_kaggle(
    dataset: str,
    file_name: str,
    folder: str,
    max_bytes: int,
    limit_s: float,
    tries: int = 4,
    pause_s: float = 1.0,
    endpoint: str = "",
) -> str:
    """Download one file of `owner/name` or `owner/name/version`.

    Works anonymously without credentials. Retries after 429, 5xx, a lost connection or a timeout.
    The pauses double, or follow Kaggle's `Retry-After`. All tries together take at most `limit_s` seconds.

    Returns:
        The path of the download: the file, or a zip that holds it.

    Raises:
        RuntimeError: no such file, no permission, or no answer in time; the message says what to do.
    """
    import time
    from pathlib import Path

    if not (dataset and file_name):
        raise RuntimeError("the settings name no data set on Kaggle for this flow")
    deadline = time.monotonic() + limit_s
    path = str(Path(folder, "kaggle.download"))
    order = {"dataset": dataset, "file_name": file_name, "path": path, "max_bytes": max_bytes, "endpoint": endpoint}
    for attempt in range(1, tries + 1):
        answer = run_kaggle(order, deadline - time.monotonic())
        if answer["outcome"] == "done":
            return path
        problem = kaggle_problem(answer, dataset, file_name)
        if answer["outcome"] != "again":
            raise RuntimeError(problem)
        pause = max(pause_s * 2 ** (attempt - 1), float(answer.get("retry_after", 0)))
        if attempt == tries or time.monotonic() + pause >= deadline:
            break
        print(f"{problem}; trying again in {pause:g} s ({attempt} of {tries})")
        time.sleep(pause)
    tell_transient()
    raise RuntimeError(f"{problem}; gave up at try {attempt} of {tries}: try later, or give the path of a file")


def without_kaggle(source: str, file: str, problem: str, allow_synthetic: bool) -> str:
    """Describe why there is no real data, if `auto` may fall back to synthetic rows.

    Raises:
        RuntimeError: the source is not `auto`, or synthetic rows are not allowed.
    """
    if source != "auto":
        raise RuntimeError(problem)
    missing = f"there is no file {file}" if file else "no file is named in the settings"
    if not allow_synthetic:
        raise RuntimeError(
            f"no data: {missing}, and {problem}. There are three ways to give some: put the CSV there, set "
            "KAGGLE_API_TOKEN for Kaggle, or name a source: the path of a CSV, or synthetic to try things out"
        )
    return f"{missing}, and {problem}"


def run_kaggle(order: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """Run `kaggle_client` in a child process, which is killed after `limit_s` seconds."""
    import inspect
    import json
    import os
    import subprocess
    import sys

    limit_s = max(limit_s, 0.1)
    source = "\n".join(inspect.getsource(part) for part in (kaggle_refusal, kaggle_request, kaggle_client))
    # These make the client print the Authorization header.
    environment = {k: v for k, v in os.environ.items() if k not in ("VERBOSE", "VERBOSE_OUTPUT")}
    try:
        child = subprocess.run(
            [sys.executable, "-c", f"from typing import Any\n{source}\nkaggle_client()\n"],
            input=json.dumps(order | {"timeout_s": limit_s}),
            capture_output=True,
            text=True,
            timeout=limit_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"outcome": "again", "what": "silence", "limit_s": limit_s}
    try:
        answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"outcome": "failed", "what": "crash", "code": child.returncode}
    return answer


def kaggle_problem(answer: dict[str, Any], dataset: str, file_name: str) -> str:
    """Describe a failed answer of `kaggle_client` in one sentence: the cause and what to do."""
    by = answer.get("credentials") or ""
    wanted = f"file {file_name} of dataset {dataset}" if file_name else f"dataset {dataset}"
    make_some = (
        "make an API token at https://www.kaggle.com/settings and put it in KAGGLE_API_TOKEN or ~/.kaggle/access_token"
    )
    sentences = {
        401: f"Kaggle refused the credentials from {by} (401): {make_some}"
        if by
        else f"Kaggle gives {wanted} only to users, and there are no credentials (401): {make_some}",
        403: f"Kaggle forbids {wanted} (403): "
        + (f"accept the dataset's terms on its page as the user of {by}, or ask its owner" if by else make_some),
        404: f"Kaggle has no {wanted} (404): check its name at https://www.kaggle.com/datasets",
        429: "Kaggle is asked too often (429)",
        "silence": f"Kaggle did not answer within {answer.get('limit_s', 0):.0f} s",
        "connection": f"the connection to Kaggle failed ({answer.get('detail')})",
        "cut": "Kaggle's answer broke off",
        "empty": "Kaggle's answer was empty",
        "page": "Kaggle (or a proxy on the way) answered with a web page or a message instead of data: "
        "open https://www.kaggle.com from this network",
        "large": f"Kaggle's {wanted} is larger than the limit: raise the limit if this is right",
        "crash": f"the kaggle client could not run ({answer.get('detail', answer.get('code'))}): is kaggle installed?",
    }
    what = answer["what"]
    return sentences.get(what, f"Kaggle failed to answer ({what})")


def kaggle_client() -> None:
    """Read an order as JSON from stdin and write the answer as one JSON line to stdout.

    Runs in the child process.
    """
    import contextlib
    import io
    import json
    import sys

    order = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            answer = kaggle_request(order)
        except Exception as error:
            answer = kaggle_refusal(error, order["timeout_s"])
        with contextlib.suppress(Exception):
            import kaggle
            from kagglesdk import get_access_token_from_env

            answer["credentials"] = get_access_token_from_env()[1] or kaggle.api.config_values.get("auth_method")
    print(json.dumps(answer))


def kaggle_request(order: dict[str, Any]) -> dict[str, Any]:
    """Download the file from Kaggle to the order's `path`."""
    import requests
    from kagglesdk import kaggle_env
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    send = requests.adapters.HTTPAdapter.send

    def send_in_time(*args: Any, **options: Any) -> Any:
        return send(*args, **(options | {"timeout": options.get("timeout") or order["timeout_s"]}))

    requests.adapters.HTTPAdapter.send = send_in_time  # type: ignore[method-assign]  # the client has no setting for it
    if order["endpoint"]:
        # The client chooses among endpoints by name (KAGGLE_API_ENVIRONMENT) and takes none from outside.
        kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = order["endpoint"]
    import kaggle  # authenticates, with requests of its own; what fails there it keeps to itself

    owner, name, version = [*order["dataset"].split("/"), ""][:3]
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = owner, name
    if version:
        request.dataset_version_number = int(version)
    if order["file_name"]:
        request.file_name = order["file_name"]
    size, start = 0, b""
    # Not the client's own download_file, which appends to what is there and tries five times, five minutes each.
    with kaggle.api.build_kaggle_client() as client, open(order["path"], "wb") as file:  # noqa: PTH123 - no import
        for chunk in client.datasets.dataset_api_client.download_dataset(request).iter_content(1 << 16):
            size += len(chunk)
            if size > order["max_bytes"]:
                return {"outcome": "failed", "what": "large"}
            start = start or chunk.lstrip()[:1]
            file.write(chunk)
    if size == 0:
        return {"outcome": "again", "what": "empty"}
    return {"outcome": "failed", "what": "page"} if start in (b"<", b"{") else {"outcome": "done"}


def kaggle_refusal(error: Exception, timeout_s: float) -> dict[str, Any]:
    """Classify an error of the client: retry or fail, and why."""
    import contextlib

    import requests

    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        with contextlib.suppress(ValueError, KeyError, TypeError):
            # Kaggle also returns errors in the body of a 200.
            status = max(status, int(error.response.json()["code"]))
        wait = error.response.headers.get("Retry-After", "")
        outcome = "again" if status == 429 or status >= 500 else "failed"
        return {"outcome": outcome, "what": status, "retry_after": int(wait) if wait.isdecimal() else 0}
    if isinstance(error, requests.Timeout):
        return {"outcome": "again", "what": "silence", "limit_s": timeout_s}
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return {"outcome": "again", "what": "cut"}
    if isinstance(error, requests.ConnectionError):
        return {"outcome": "again", "what": "connection", "detail": type(error).__name__}
    return {"outcome": "failed", "what": "crash", "detail": type(error).__name__}
