# Part of setup.sh: the Debian packages.

DEBIAN_LOG=.setup/debian.log

install_debian_packages() {
    local missing
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    # One name a word from here on.
    # shellcheck disable=SC2086
    set -- $missing
    command -v apt-get >/dev/null ||
        fail "this machine has no apt-get; the set-up knows Debian 12 and its relatives" \
            "use one of those, or install what these packages hold: $*"
    say "installing Debian packages (a minute or two, details in $DEBIAN_LOG): $*"
    as_root "$@" || apt_failed "$@"
}

# The packages that are listed, and python3.x-venv where Debian's own Python needs it, less those installed.
missing_packages() {
    local wanted installed
    wanted=$(sed -e 's/#.*//' -e '/^$/d' config/setup/debian.txt)
    if [ -n "${PYTHON_FOUND:-}" ] && ! "$PYTHON_FOUND" -c 'import ensurepip' 2>/dev/null; then
        wanted+=$'\n'$("$PYTHON_FOUND" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    fi
    # shellcheck disable=SC2086
    installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
        sed -n 's/^installed //p') || true
    grep --invert-match --line-regexp --fixed-strings "${installed:-none}" <<<"$wanted" || true
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        bash config/setup/as_root.sh "$@" >"$DEBIAN_LOG" 2>&1
    elif ! command -v sudo >/dev/null; then
        fail "installing Debian packages needs root, and there is no sudo" \
            "ask an administrator to run:  apt-get install --no-install-recommends $*"
    elif [ -t 0 ] || sudo -n true 2>/dev/null; then
        sudo bash config/setup/as_root.sh "$@" >"$DEBIAN_LOG" 2>&1
    else
        fail "installing Debian packages needs root, and sudo wants a password that nobody is here to type" \
            "run 'make setup' once in a terminal, or:  sudo apt-get install --no-install-recommends $*"
    fi
}

apt_failed() {
    tail -n 15 "$DEBIAN_LOG" >&2
    fail "apt-get could not install: $*" \
        "the lines above are its last words, $DEBIAN_LOG has them all" \
        "if it could not reach its mirror: connect the machine to the network and run this again"
}
