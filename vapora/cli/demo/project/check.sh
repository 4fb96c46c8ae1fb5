#!/bin/sh
# The project's checks, with the first suitable Python: `sh check.sh tests`, `sh check.sh style`.
# `sh check.sh speed` measures, and `sh check.sh run …` is Shortleaf itself.
set -eu
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1

for python in python3 /usr/bin/python3 '@PYTHON@'; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
        case "${1:-tests}" in
            tests) exec "$python" -m unittest discover --start-directory tests --top-level-directory . ;;
            style) exec "$python" tools/style.py ;;
            speed) exec "$python" tools/speed.py ;;
            run) shift && exec "$python" -m shortleaf "$@" ;;
            *) echo "There is no check $1: say tests, style, speed or run." >&2 && exit 2 ;;
        esac
    fi
done
echo "The checks need Python 3.9 or newer." >&2
exit 2
