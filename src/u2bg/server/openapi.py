"""The parts of the OpenAPI description that the framework cannot see, since bodies are read by our own parser."""

from __future__ import annotations

from typing import Any

from u2bg.server import parameters as native
from u2bg.server import rembg
from u2bg.server.removebg import parameters as removebg

Described = dict[str, Any]
Responses = dict[int | str, Described]

_TEXT = {"type": "string"}
_FILE = {"type": "string", "format": "binary"}


def _refusal(properties: Described) -> Described:
    return {"application/json": {"schema": {"type": "object", "properties": properties}}}


_SAID = {
    "error": {"type": "object", "properties": {"code": _TEXT, "message": _TEXT}},
    "errors": {"type": "array", "items": {"type": "object"}},
    "detail": {},
}
_REFUSED: Responses = {
    status: {"description": words, "content": _refusal(_SAID)}
    for status, words in {
        400: "The request or its picture cannot be used.",
        403: "No API key, a wrong one, or something that this server does not do.",
        408: "The body did not arrive in time.",
        413: "The body is too large.",
        415: "A Content-Type that is not taken.",
        422: "A parameter cannot be, or there is no subject.",
        501: "An option whose packages are not installed here.",
        503: "No room; Retry-After says when to ask again.",
    }.items()
}
_PICTURES = {"image/png": {"schema": _FILE}, "image/jpeg": {"schema": _FILE}, "image/webp": {"schema": _FILE}}

PICTURE_OR_JSON: Responses = {
    200: {
        "description": "The cut-out.",
        "content": {
            **_PICTURES,
            "application/zip": {"schema": _FILE},
            "application/json": {"schema": {"type": "object"}},
        },
    },
    **_REFUSED,
}
PNG_ONLY: Responses = {
    200: {"description": "The cut-out.", "content": {"image/png": {"schema": _FILE}}},
    **_REFUSED,
}
JSON_ONLY: Responses = {403: _REFUSED[403]}
TEXT_ONLY: Responses = {
    200: {"description": "Counts.", "content": {"text/plain": {"schema": _TEXT}}},
    403: _REFUSED[403],
}
OPEN: Responses = {}
READY: Responses = {503: {"description": "The models are still being loaded."}}


def _query(properties: Described) -> list[Described]:
    """Properties as parameters of the query."""
    return [
        {"name": name, "in": "query", "required": False, "schema": _plain(schema)}
        | ({"description": schema["description"]} if "description" in schema else {})
        for name, schema in properties.items()
    ]


def _plain(schema: Described) -> Described:
    """A property as one says it in a query or a form: not null, and lists as text."""
    choices = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if choices:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **choices[0]}
    if schema.get("type") == "array":
        schema = {key: schema[key] for key in schema if key in {"description", "examples", "title"}}
        schema["type"] = "string"
    return {key: value for key, value in schema.items() if not (key == "default" and value is None)}


def _form(properties: Described, files: Described, required: list[str]) -> Described:
    fields = {name: _plain(schema) for name, schema in properties.items()}
    files = {name: {**_FILE, "description": words} for name, words in files.items()}
    return {"schema": {"type": "object", "properties": {**files, **fields}, "required": required}}


_NATIVE = native.Parameters.model_json_schema()["properties"]

NATIVE: Described = {
    "parameters": _query(_NATIVE),
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form({}, native.FILES, ["image"]),
            "application/octet-stream": {"schema": _FILE},
            "image/jpeg": {"schema": _FILE},
            "image/png": {"schema": _FILE},
        },
    },
}

_ALL_REMBG = rembg.Parameters.model_json_schema()["properties"]
_REMBG = {name: schema for name, schema in _ALL_REMBG.items() if name not in {"bgc", "url"}}
_REMBG_QUERY = {
    "bgc": {
        **_TEXT,
        "description": _ALL_REMBG["bgc"]["description"],
        "examples": _ALL_REMBG["bgc"]["examples"],
    },
    "extras": {**_TEXT, "description": "JSON object of further parameters, by rembg's long names."},
}
REMBG_GET: Described = {
    "parameters": [
        {
            "name": "url",
            "in": "query",
            "required": True,
            "schema": _TEXT,
            "description": "Where the picture is.",
        },
        *_query({**_REMBG, **_REMBG_QUERY}),
    ]
}
REMBG_POST: Described = {
    "parameters": _query(_REMBG_QUERY),
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": _form(_REMBG, {"file": "The picture."}, ["file"])},
    },
}

_CHOICES = {
    "size": tuple(removebg.SIZES),
    "type": removebg.TYPES,
    "type_level": removebg.TYPE_LEVELS,
    "format": removebg.FORMATS,
    "channels": ("rgba", "alpha"),
    "shadow_type": removebg.SHADOWS,
}
_REMOVEBG = {
    name: {**_TEXT, "enum": [*_CHOICES[name]]} if name in _CHOICES else _TEXT for name in removebg.FIELDS
}
_REMOVEBG_FILES = {"image_file": "The picture.", "bg_image_file": "A picture behind the subject."}
REMOVEBG: Described = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _form(_REMOVEBG, _REMOVEBG_FILES, []),
            "application/x-www-form-urlencoded": _form(_REMOVEBG, {}, []),
            "application/json": _form(_REMOVEBG, {}, []),
        },
    }
}
