"""``python -m gateway.cli``: the same as ``contact-gateway``."""

from gateway.cli import main

main()
