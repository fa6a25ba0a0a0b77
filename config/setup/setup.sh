#!/usr/bin/env bash
# Installs what the gateway, its sandbox and its tests need: the Debian packages listed in debian.txt, and a
# .venv with the Python packages pinned in ../constraints.txt. Run it as often as you like: it does only what
# is missing. `make` runs it before everything else.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf 'setup: %s\n' "$*"; }

# fail WHAT WHAT_TO_DO...: ends the set-up with one line for each argument.
fail() {
    printf 'setup: cannot go on: %s\n' "$1" >&2
    printf 'setup:   %s\n' "${@:2}" >&2
    exit 1
}

source config/setup/debian.sh
source config/setup/python.sh

mkdir -p .setup
python_up_to_date || find_python
install_debian_packages
[ -z "${PYTHON_FOUND:-}" ] || install_python_packages
say "everything is in place"
