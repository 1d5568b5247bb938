#!/bin/sh
# Says in one sentence what this machine lacks to build the environment, and the line that installs it.
python="${PYTHON:-python3}"
missing=""
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || missing="$missing Python-3.11-or-newer"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python-venv"
"$python" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' \
    2>/dev/null || missing="$missing Python-headers"
command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || missing="$missing C++-compiler"
[ -z "$missing" ] && exit 0
echo "sameshot cannot build its environment, because this is missing:$missing." >&2
echo "On Debian and Ubuntu: sudo apt-get install python3 python3-venv python3-dev g++ make git" >&2
exit 2
