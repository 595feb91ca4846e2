"""Child process of `kaggle_source.py`: download one file with Kaggle's client.

It runs as a file and imports no other module of this package: an agent's child process does not know where these are.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import requests


def main() -> None:
    """Read an order as JSON from stdin and write the answer as one JSON line to stdout."""
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
    with kaggle.api.build_kaggle_client() as client, Path(order["path"]).open("wb") as file:
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


if __name__ == "__main__":
    main()
