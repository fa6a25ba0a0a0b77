"""What the set-up installs, what the pages say of it, and what the code uses are one and the same."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (REPOSITORY / "config" / "constraints.txt").read_text().splitlines()
PAGE = (REPOSITORY / "docs" / "dependencies.md").read_text()
DEBIAN = [line for line in (REPOSITORY / "config" / "setup" / "debian.txt").read_text().split("\n")[1:] if line]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def direct() -> list[str]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [canonical(re.split(r"[\[<>=!~ ]", requirement)[0]) for group in groups for requirement in group]


def pins() -> dict[str, str]:
    return {canonical(name): pinned for name, pinned in (line.split("==") for line in CONSTRAINTS)}


def table_rows(heading: str) -> dict[str, str]:
    """The rows of the tables between this heading and the next one, by the name in their first cell."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {name: row for row in section.splitlines() if (name := "".join(re.findall(r"^\| `([^`]+)`", row)))}


@pytest.mark.parametrize("line", CONSTRAINTS)
def test_a_constraint_is_a_name_and_an_exact_version(line: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)


@pytest.mark.parametrize("name", direct())
def test_a_python_dependency_is_pinned_installed_and_explained(name: str) -> None:
    assert version(name) == pins()[name]
    assert f"| {pins()[name]} |" in table_rows("Python packages")[name]


def test_no_python_package_is_explained_that_we_do_not_use() -> None:
    assert set(table_rows("Python packages")) == set(direct())


def test_the_debian_packages_explained_are_those_installed() -> None:
    assert set(table_rows("Debian packages")) == set(DEBIAN)


def test_every_kamailio_module_comes_from_a_package_on_the_list() -> None:
    used = set(re.findall(r'^\s*loadmodule "(\w+\.so)"', kamailio_config(), flags=re.MULTILINE))

    owners = kamailio_packages()

    assert {module: owners.get(module) for module in used if owners.get(module) not in DEBIAN} == {}


def kamailio_config() -> str:
    return (REPOSITORY / "config" / "kamailio" / "kamailio.cfg").read_text()


def kamailio_packages() -> dict[str, str]:
    """The Debian package of each installed Kamailio module, by the module's file name."""
    command = ["dpkg-query", "--search", "/usr/lib/*/kamailio/modules/*.so"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    rows = [line.split(": ", 1) for line in listing.splitlines()]
    return {Path(path).name: package.split(":")[0] for package, path in rows}
