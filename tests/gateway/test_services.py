"""The services of a real site: what their units run is run here, with another folder in place of each of theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
UNITS = REPOSITORY / "config" / "kamailio"
BIN = str(Path(sys.executable).parent)


def test_the_edges_service_writes_the_files_of_its_site(tmp_path: Path) -> None:
    # given a site's configuration, with its secrets in the file that the services read
    site = {"/etc/contact-gateway": tmp_path / "etc", "/var/lib/contact-gateway-edge": tmp_path / "edge"}
    for folder in site.values():
        folder.mkdir()
    (tmp_path / "etc" / "gateway.toml").write_text('[edge]\ndomain = "contact.force.example"\n')
    (tmp_path / "etc" / "secrets.env").write_text("GATEWAY_PHONE_SECRET=0123456789abcdef0123456789abcdef\n")

    # when its service is started
    unit = (UNITS / "contact-gateway-edge.service").read_text().replace("/opt/contact-gateway/bin", BIN)
    for theirs, ours in site.items():
        unit = unit.replace(theirs, str(ours))
    environment = dict(
        line.split("=", 1)
        for file in settings_of(unit, "EnvironmentFile")
        for line in Path(file.lstrip("-")).read_text().splitlines()
    )
    writing, *_ = settings_of(unit, "ExecStartPre")
    done = subprocess.run(
        writing.lstrip("-").split(), check=False, env=environment, capture_output=True, text=True, timeout=60
    )

    # then the edge has the files of that site
    assert done.returncode == 0, done.stderr
    assert "contact.force.example" in (tmp_path / "edge" / "edge-parameters.cfg").read_text()


def settings_of(unit: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
