"""A cable between a client and a server on loopback, which a test can cut and mend."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Cable:
    """Passes connections to `url` on, from an address of its own."""

    def __init__(self, url: str) -> None:
        self._target = (str(urlsplit(url).hostname), int(urlsplit(url).port or 80))
        self._host = f"Host: {urlsplit(url).netloc}".encode()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._whole = threading.Event()
        self._whole.set()
        address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url, self._own_host = f"http://{address}", f"Host: {address}".encode()
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """From now on connections are lost, those that are open too."""
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self._whole.clear()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if not self._whole.is_set():
                return
            with socket.create_connection(self._target) as server:
                other = {client: server, server: client}
                while self._whole.is_set():
                    for ready in select.select(list(other), [], [], 0.1)[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        # The backend answers only to its own name.
                        other[ready].sendall(data.replace(self._own_host, self._host))


@contextmanager
def cable_to(url: str) -> Iterator[Cable]:
    cable = Cable(url)
    try:
        yield cable
    finally:
        cable.close()
