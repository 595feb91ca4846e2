"""Download a file of a Kaggle dataset with Kaggle's own client.

The client runs in a child process with a time limit, because it:

- calls the network without a timeout,
- prints to the console,
- asks for credentials at import, and exits the process if there are none.

Only messages written in this package come back from the child: the client's own may hold signed links.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from clearml_flows.tabular.data import kaggle_client
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
    """Run `kaggle_client.py` in a child process, which is killed after `limit_s` seconds."""
    limit_s = max(limit_s, 0.1)
    # These make the client print the Authorization header.
    environment = {k: v for k, v in os.environ.items() if k not in ("VERBOSE", "VERBOSE_OUTPUT")}
    try:
        child = subprocess.run(
            [sys.executable, "-P", kaggle_client.__file__],
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
    """Describe a failed answer of `kaggle_client.py` in one sentence: the cause and what to do."""
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
