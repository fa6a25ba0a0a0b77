"""The OpenAPI 3.1 document, made from the table of routes and the types in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import NoneType
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from gateway.api.problems import ProblemOut
from gateway.api.routes import CsvText, Nothing, Route

REF = "#/components/schemas/{model}"
Schemas = dict[Any, Any]


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The document as plain values, ready for JSON."""
    schemas, components = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Contact gateway",
            "version": version,
            "description": "Times are RFC 3339. Reading a contact that you do not have needs a reason, which is "
            "journalled. Unsafe requests with a session cookie need the header X-CSRF-Token.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                "Problem": {
                    "description": "What went wrong, in words",
                    "content": {"application/problem+json": {"schema": schemas["problem"]}},
                }
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _schemas(routes: Sequence[Route]) -> tuple[Schemas, dict[str, Any]]:
    """Each route's body and answer schema by (what, path, method), and the components they refer to."""
    inputs: list[tuple[Any, Any, TypeAdapter[Any]]] = [("problem", "serialization", TypeAdapter(ProblemOut))]
    for route in routes:
        _, body, answer = route.types
        if not _is_plain(body):
            inputs.append((("body", route.path, route.method), "validation", TypeAdapter(body)))
        if _is_json(answer):
            inputs.append((("answer", route.path, route.method), "serialization", route.adapter))
    by_key, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
    return {key: schema for (key, _), schema in by_key.items()}, definitions.get("$defs", {})


def _is_plain(body: type[BaseModel]) -> bool:
    return body is Nothing or issubclass(body, CsvText)


def _is_json(answer: Any) -> bool:
    return answer is not NoneType and not (isinstance(answer, type) and issubclass(answer, web.StreamResponse))


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    query, body, answer = route.types
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_" + re.sub(r"\W+", "_", route.path.removeprefix("/api/v1")).strip("_"),
        "parameters": [*_path_parameters(route.path), *_query_parameters(query)],
        "responses": _responses(route, answer, schemas),
        "security": [{"session": []}, {"token": []}] if route.role else [],
    }
    if route.role:
        operation["description"] = f"For the role {route.role} and above."
    if issubclass(body, CsvText):
        content = {media: {"schema": {"type": "string"}} for media in body.media}
        operation["requestBody"] = {"required": True, "content": content}
    elif not _is_plain(body):
        operation["requestBody"] = _content("application/json", schemas["body", route.path, route.method])
    return operation


def _content(media: str, schema: Any) -> dict[str, Any]:
    return {"required": True, "content": {media: {"schema": schema}}}


def _responses(route: Route, answer: Any, schemas: Schemas) -> dict[str, Any]:
    problem = {"default": {"$ref": "#/components/responses/Problem"}}
    if answer is NoneType:
        return {"204": {"description": "Done"}, **problem}
    if not _is_json(answer):
        upgraded = issubclass(answer, web.WebSocketResponse)
        return {"101" if upgraded else "200": {"description": "A WebSocket" if upgraded else "The file"}, **problem}
    schema = schemas["answer", route.path, route.method]
    return {str(route.status): {"description": "Done", "content": {"application/json": {"schema": schema}}}, **problem}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema(mode="validation", ref_template=REF)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inlined(field, schema.get("$defs", {}))}
        for name, field in schema.get("properties", {}).items()
    ]


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    """The schema with the enumerations it refers to written out."""
    if isinstance(value, list):
        return [_inlined(part, definitions) for part in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return definitions[str(value["$ref"]).rpartition("/")[2]]
    return {key: _inlined(part, definitions) for key, part in value.items()}
