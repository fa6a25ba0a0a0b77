"""The rules of the house that no type checker sees: who may import whom, and what the files may say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
RULES = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
BIN = Path(sys.executable).parent

RIGHTWARDS = "A folder imports only what stands to its right"
APART = "Channels never import each other"
PURE = "Routing does no I/O, keeps no clock and writes no logs"
REAL = "The sandbox is never part of a real site"

# Written as patterns, so that this file may hold them.
REVEALING = {
    "a path of one machine": re.compile(r"(?<![\w.}*-])/(?:work|root|home/\w+|Users/\w+)/"),
    "a package registry": re.compile(r"pypi[.]org|pythonhosted[.]|npmjs[.]|deb[.]debian|crates[.]io|proxy[.]golang"),
}
MADE_HERE = {"build", "var", "__pycache__", "node_modules"}
OURS_DOTTED = {".ci", ".gitignore", ".editorconfig"}


def test_the_imports_of_the_code_keep_every_rule() -> None:
    verdict = lint_imports(REPOSITORY)

    assert verdict.returncode == 0, verdict.stdout


def test_a_tree_that_breaks_no_rule_passes(tmp_path: Path) -> None:
    verdict = lint_imports(skeleton(tmp_path))

    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize(
    ("importer", "imported", "rule"),
    [
        ("config", "routing", RIGHTWARDS),
        ("routing", "channels", RIGHTWARDS),
        ("channels.email", "gateway.store", RIGHTWARDS),
        ("channels.voice", "channels.text", APART),
        ("channels.text", "channels.email", APART),
        ("routing", "asyncio", PURE),
        ("routing", "logging", PURE),
        ("routing", "random", PURE),
        ("routing", "time", PURE),
        ("gateway.app", "gateway.sandbox", REAL),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, importer: str, imported: str, rule: str) -> None:
    tree = skeleton(tmp_path)
    (tree / importer.replace(".", "/") / "careless.py").write_text(f"import {imported}\n")

    verdict = lint_imports(tree)

    assert verdict.returncode == 1
    assert f"{rule} BROKEN" in verdict.stdout


@pytest.mark.parametrize(
    ("file", "line", "code"),
    [
        ("routing/careless.py", "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n", "TID251"),
        ("routing/careless.py", "import uuid\n\nNAME = uuid.uuid4()\n", "TID251"),
        ("gateway/careless.py", "from datetime import datetime\n\nNOW = datetime.now()\n", "DTZ005"),
        ("channels/text/careless.py", "from . import api\n\nAPI = api\n", "TID252"),
    ],
)
def test_a_forbidden_line_is_caught(file: str, line: str, code: str) -> None:
    verdict = run("ruff", "check", "--no-cache", "--output-format=concise", f"--stdin-filename={file}", "-", stdin=line)

    assert verdict.returncode == 1
    assert code in verdict.stdout


@pytest.mark.parametrize("what", REVEALING)
def test_no_file_names(what: str) -> None:
    named = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"
        for path in files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if REVEALING[what].search(line)
    ]

    assert named == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of one machine", "see " + "/".join(("", "home", "somebody", "notes.md"))),
        ("a package registry", "https://" + ".".join(("pypi", "org")) + "/simple"),
    ],
)
def test_a_revealing_line_would_be_found(what: str, line: str) -> None:
    assert REVEALING[what].search(line)


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return run("lint-imports", "--no-cache", "--no-logo", folder=tree)


def run(tool: str, *arguments: str, folder: Path = REPOSITORY, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool of the virtual environment in a folder; it may fail."""
    command = [str(BIN / tool), *arguments]
    return subprocess.run(command, check=False, input=stdin, cwd=folder, capture_output=True, text=True, timeout=60)


def skeleton(tree: Path) -> Path:
    """Empty packages for every module of ours that the rules name, under the rules themselves."""
    roots = set(RULES["root_packages"])
    named = {
        module for contract in RULES["contracts"] for modules in contract.values() for module in modules_in(modules)
    }
    for module in roots | {name for name in named if name.split(".")[0] in roots}:
        package = tree.joinpath(*module.split("."))
        package.mkdir(parents=True, exist_ok=True)
        for folder in (package, *package.relative_to(tree).parents):
            (tree / folder / "__init__.py").touch()
    (tree / "__init__.py").unlink()
    (tree / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    return tree


def modules_in(value: object) -> list[str]:
    return value if isinstance(value, list) else []


def files() -> Iterator[Path]:
    """Every file of the repository, less what set-up, runs and tests have made."""
    for top in REPOSITORY.iterdir():
        if top.name.startswith(".") and top.name not in OURS_DOTTED:
            continue
        found = top.rglob("*") if top.is_dir() else [top]
        yield from (path for path in found if path.is_file() and not generated(path))


def generated(path: Path) -> bool:
    parts = path.relative_to(REPOSITORY).parts
    return any(part in MADE_HERE or part.endswith(".egg-info") for part in parts)
