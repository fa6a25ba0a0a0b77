# Part of setup.sh: the virtual environment. Its stamp holds the hash of all that went into it.

PYTHON_STAMP=.setup/python.sha256

python_inputs() {
    { pwd && cat pyproject.toml config/constraints.txt config/setup/python.sh; } | sha256sum
}

python_up_to_date() {
    [ "$(cat "$PYTHON_STAMP" 2>/dev/null)" = "$(python_inputs)" ] &&
        [ -x .venv/bin/contact-gateway ] && .venv/bin/python -c '' 2>/dev/null
}

# Sets PYTHON_FOUND. Debian's own comes first: it is built with a profile, and a fifth quicker than one that is not.
# Each candidate is run: a version manager's stand-in may exist and yet refuse.
find_python() {
    for PYTHON_FOUND in ${PYTHON:-} /usr/bin/python3.11 python3.11 python3.12 python3; do
        if "$PYTHON_FOUND" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
            return 0
        fi
    done
    fail "Python 3.11 or 3.12 is needed (pjsua2-python has wheels for no newer one), and neither was found" \
        "on Debian 12:  apt-get install python3 python3-venv" \
        "elsewhere:  PYTHON=/path/to/python3.11 make setup"
}

install_python_packages() {
    if ! venv_usable; then
        say "making .venv with $("$PYTHON_FOUND" --version)"
        rm -rf .venv
        "$PYTHON_FOUND" -m venv .venv ||
            fail "$PYTHON_FOUND could not make a virtual environment; the lines above say why"
    fi
    say "installing Python packages into .venv (about a minute)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        --constraint config/constraints.txt --editable '.[sandbox,dev]' ||
        fail "pip could not install the Python packages; the lines above are its own" \
            "if it could not reach its index: connect the machine to the network and run this again" \
            "if .venv looks broken: make clean, and run this again"
    python_inputs >"$PYTHON_STAMP"
}

# Made in this very folder, by a Python that is still there and that we support.
venv_usable() {
    case $(.venv/bin/pip --version 2>/dev/null) in
        "pip "*" from $PWD/.venv/"*"(python 3.11)" | "pip "*" from $PWD/.venv/"*"(python 3.12)") return 0 ;;
        *) return 1 ;;
    esac
}
