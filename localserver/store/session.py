"""What a handler sees of the store: one collection per entity, all in the same transaction."""

import sqlite3

from localserver.store.documents import Documents
from localserver.store.entities import MODELS, PROJECTS, QUEUES, TASKS, WORKERS
from localserver.store.entries import Entries
from localserver.store.events import Events


class Session:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.tasks = Documents(connection, TASKS)
        self.models = Documents(connection, MODELS)
        self.projects = Documents(connection, PROJECTS)
        self.queues = Documents(connection, QUEUES)
        self.workers = Documents(connection, WORKERS)
        self.entries = Entries(connection)
        self.events = Events(connection)
