"""The command line's connection to a running sandbox: its page's HTTP API, on this machine."""

from __future__ import annotations

import http.client
import json
from typing import Any

import click

from gateway.sandbox.ports import LOOPBACK, Ports

ANSWER_SECONDS = 30.0
NOT_RUNNING = "No sandbox is running: start it first with: make run"


class Remote:
    """Raises ClickException with what the sandbox said against it, or that there is none."""

    def __init__(self, port: int = Ports().page) -> None:
        self._port = port

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._ask("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_SECONDS)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, f"/world/{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except ConnectionError:
            raise click.ClickException(NOT_RUNNING) from None
        except (OSError, http.client.HTTPException) as error:
            raise click.ClickException(f"The sandbox does not answer: {error}") from None
        finally:
            connection.close()
        parsed = json.loads(content) if answer.headers.get_content_type() == "application/json" else {}
        if answer.status >= 400:
            raise click.ClickException(parsed.get("detail", f"the sandbox answered {answer.status} {answer.reason}"))
        return parsed
