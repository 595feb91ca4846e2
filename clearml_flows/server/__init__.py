"""ClearML Server in Docker: start, stop, backup, restore, upgrade and users."""
