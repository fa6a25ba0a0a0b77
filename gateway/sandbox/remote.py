"""The command line's connection to a running sandbox: its page's HTTP API, on this machine."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import click

from gateway.sandbox.place import PlaceError, page_port
from gateway.sandbox.ports import LOOPBACK

ANSWER_SECONDS = 30.0


class Remote:
    """To the sandbox in ``directory``. Raises ClickException with what it said against it, or that there is none."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._port = page_port(directory)
        except PlaceError as error:
            raise click.ClickException(str(error)) from None

    @property
    def page_url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, body)

    def put(self, path: str, body: Any, deadline: float = ANSWER_SECONDS) -> Any:
        return self._ask("PUT", path, body, deadline)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: Any = None, deadline: float = ANSWER_SECONDS) -> Any:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=deadline)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, f"/world/{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except ConnectionError:
            where = f"in {self._directory}, whose page was at port {self._port}"
            raise click.ClickException(f"No sandbox is running {where}: start it first with: make run") from None
        except (OSError, http.client.HTTPException) as error:
            raise click.ClickException(f"The sandbox does not answer: {error}") from None
        finally:
            connection.close()
        parsed = json.loads(content) if answer.headers.get_content_type() == "application/json" else {}
        if answer.status >= 400:
            raise click.ClickException(parsed.get("detail", f"the sandbox answered {answer.status} {answer.reason}"))
        return parsed
