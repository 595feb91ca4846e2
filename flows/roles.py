"""The variables by which the launcher tells a controller process what it is to do."""

RUN_FILE = "FLOWS_RUN_FILE"  # where the controller writes its Task's id
FRESH = "FLOWS_FRESH"  # not empty: ignore the cache
