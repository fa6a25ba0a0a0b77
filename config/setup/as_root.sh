#!/usr/bin/env bash
# Run by debian.sh as root, with the names of Debian packages. Their own services are neither started nor
# enabled: the gateway runs what it needs by itself, and this may be somebody's laptop. A service that was
# there before is left as it is.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

SERVICES=(dovecot kamailio postgresql rtpengine-daemon)
POLICY=/usr/sbin/policy-rc.d
MARK="contact-gateway's set-up wrote this for the time of an installation; without one running, delete it"

new_services=()
for service in "${SERVICES[@]}"; do
    [ -e "/lib/systemd/system/$service.service" ] || new_services+=("$service")
done
kept_still=$(IFS='|'; echo "${new_services[*]/%/*}")

# A policy that is already there is the administrator's, unless an interrupted set-up left it.
if [ ! -e "$POLICY" ] || grep -q "$MARK" "$POLICY"; then
    trap 'rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\n# %s\ncase "$1" in %s) exit 101 ;; esac\nexit 0\n' \
        "$MARK" "${kept_still:-none}" >"$POLICY"
    chmod 755 "$POLICY"
fi

apt-get update || echo "the package lists could not be renewed; going on with those at hand"
apt-get install --yes --no-install-recommends --option DPkg::Lock::Timeout=120 "$@"

command -v systemctl >/dev/null || exit 0
for service in "${new_services[@]}"; do
    [ ! -e "/lib/systemd/system/$service.service" ] || systemctl disable "$service"
done
