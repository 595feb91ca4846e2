"""ClearML Server in Docker: the stack of docker/compose.yaml, its secrets, its backups."""
