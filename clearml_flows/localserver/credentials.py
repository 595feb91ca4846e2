"""The credentials of a data directory, and the clearml.conf that clients use."""

import json
import os
import secrets
import stat
import string
from dataclasses import asdict, dataclass, fields
from pathlib import Path

CREDENTIALS = "credentials.json"
CONFIG = "clearml.conf"
_KEY_LETTERS = string.ascii_uppercase + string.digits

_TEMPLATE = """\
# Written by the embedded backend at each start, for ClearML's SDK and agent: export CLEARML_CONFIG_FILE=<this file>
api {{
    api_server: "{api_url}"
    web_server: "{api_url}"
    files_server: "{files_url}"
    credentials {{
        access_key: "{access_key}"
        secret_key: "{secret_key}"
    }}
}}
sdk {{
    development {{
        # A process waits seconds for this reporter to end; in a thread it does not.
        report_use_subprocess: false
        suppress_update_message: true
    }}
}}
"""


class CorruptCredentials(Exception):
    """The credentials file has unexpected contents. The message names the file."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """One key pair and the secret that signs tokens. The repr hides them."""

    access_key: str
    secret_key: str
    token_secret: str


def make_private_folder(folder: Path) -> None:
    """Create a folder if needed and make it accessible to its owner only.

    Raises:
        PermissionError: The folder is shared between users (sticky bit).
    """
    folder.mkdir(parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        raise PermissionError(f"{folder} is shared between users; use a folder of your own")
    if mode & 0o077:
        folder.chmod(0o700)


def load_or_create(data_dir: Path) -> Credentials:
    """Read the credentials of a data directory, or create them.

    Raises:
        CorruptCredentials: The file exists and is not a credentials file.
    """
    path = data_dir / CREDENTIALS
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _create(path)
    except UnicodeDecodeError:
        raise _corrupt(path) from None
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        raise _corrupt(path) from None
    names = {field.name for field in fields(Credentials)}
    if not isinstance(values, dict) or set(values) != names or not all(_is_key(value) for value in values.values()):
        raise _corrupt(path)
    path.chmod(0o600)
    return Credentials(**values)


def _is_key(value: object) -> bool:
    return isinstance(value, str) and len(value) >= 16 and all(c in string.ascii_letters + string.digits for c in value)


def _corrupt(path: Path) -> CorruptCredentials:
    return CorruptCredentials(
        f"{path} is not a credentials file of this server; restore it, or remove it to get new credentials "
        f"(clients then need the new {CONFIG})"
    )


def _create(path: Path) -> Credentials:
    made = Credentials(
        access_key="".join(secrets.choice(_KEY_LETTERS) for _ in range(30)),
        secret_key=secrets.token_hex(32),
        token_secret=secrets.token_hex(32),
    )
    write_private(path, json.dumps(asdict(made), indent=1) + "\n")
    return made


def write_config(data_dir: Path, credentials: Credentials, api_url: str, files_url: str) -> Path:
    """Write the clearml.conf of this server and return its path."""
    path = data_dir / CONFIG
    text = _TEMPLATE.format(
        api_url=api_url,
        files_url=files_url,
        access_key=credentials.access_key,
        secret_key=credentials.secret_key,
    )
    write_private(path, text)
    return path


def write_private(path: Path, text: str) -> None:
    """Atomically replace a file with one that only its owner can read, synced to disk."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        staged.replace(path)
    except OSError:
        staged.unlink(missing_ok=True)
        raise
