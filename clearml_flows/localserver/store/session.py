"""Collections of the store for request handlers, all in the same transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from clearml_flows.localserver.store.documents import Documents
from clearml_flows.localserver.store.entities import MODELS, PROJECTS, QUEUES, TASKS, USERS, WORKERS
from clearml_flows.localserver.store.entries import Entries
from clearml_flows.localserver.store.events import Events
from clearml_flows.localserver.store.keys import Keys
from clearml_flows.localserver.store.links import Links
from clearml_flows.localserver.store.reports import Reports
from clearml_flows.localserver.store.samples import Samples


class Session:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.tasks = Documents(connection, TASKS)
        self.models = Documents(connection, MODELS)
        self.projects = Documents(connection, PROJECTS)
        self.queues = Documents(connection, QUEUES)
        self.workers = Documents(connection, WORKERS)
        self.users = Documents(connection, USERS)
        self.entries = Entries(connection)
        self.events = Events(connection)
        self.reports = Reports(connection)
        self.links = Links(connection)
        self.keys = Keys(connection)
        self.samples = Samples(connection)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the writes of the block if it raises. The transaction goes on."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO part")
            raise
        finally:
            self._connection.execute("RELEASE part")
