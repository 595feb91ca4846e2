#!/bin/sh
# The server in Docker: ./docker/server.sh up | down [--volumes] | status | logs [SERVICE] | backup FILE | restore FILE | upgrade
# Another name for `flows server … --docker`, which does the work.
set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
if [ -x "$project/.venv/bin/flows" ]; then
    flows=$project/.venv/bin/flows
elif command -v flows >/dev/null 2>&1; then
    flows=flows
else
    echo "error: flows is not installed; run make setup in $project" >&2
    exit 1
fi

if [ "$#" -eq 0 ]; then
    set -- status
fi
exec "$flows" server "$@" --docker
