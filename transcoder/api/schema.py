"""This module completes the OpenAPI document beside the parts that FastAPI finds in the routes."""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from transcoder.api import login_cookie, problem
from transcoder.api.access import MAX_TOKEN
from transcoder.api.body import JSON
from transcoder.assets.findings import MAX_VALUE
from transcoder.config import config_schemas
from transcoder.config.asset import MAX_NOTES
from transcoder.config.patterns import STREAM_ID_PATTERN
from transcoder.control.told_device import PROPERTIES

_COOKIE: Final = {
    "type": "apiKey",
    "in": "cookie",
    "name": login_cookie.NAME,
    "description": f"The cookie that `POST /api/v1/login` sets, over TLS as {login_cookie.SECURE_NAME}; a change needs "
    f"the header {login_cookie.CSRF_HEADER} beside it",
}


def body(name: str, *types: str) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose body is one of `components()`, of JSON or of further types."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    content = {content_type: {"schema": schema} for content_type in (JSON, *types)}
    return {"requestBody": {"required": True, "content": content}}


def logins(*schemes: str) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that takes one of several logins, or the cookie of one."""
    return {"security": [{scheme: []} for scheme in (*schemes, "cookie")]}


def components() -> dict[str, Any]:
    """Return the schemas of request bodies, made from the configuration's schemas."""
    text = json.dumps(config_schemas("StreamConfig")).replace("#/$defs/", "#/components/schemas/")
    found: dict[str, Any] = json.loads(text)
    source = found["SourceConfig"]
    source["properties"].pop("password_file", None)
    stream = found["StreamConfig"]
    new = json.loads(json.dumps(stream))
    new["properties"]["id"] = {"type": "string", "pattern": STREAM_ID_PATTERN}
    new["required"] = ["id", "source"]
    found["NewStream"] = {**new, "title": "NewStream", "description": "A stream's id, and its keys as in the file"}
    change = json.loads(json.dumps(stream))
    change.pop("required", None)
    change["properties"]["source"]["anyOf"][1] = {"$ref": "#/components/schemas/SourceChange"}
    found["StreamChange"] = {
        **change,
        "title": "StreamChange",
        "description": "Keys that are to change, as in the file",
    }
    partial = json.loads(json.dumps(source))
    partial.pop("required", None)
    found["SourceChange"] = {
        **partial,
        "title": "SourceChange",
        "description": "A mapping without a URL changes keys of the present source",
    }
    url, whole = stream["properties"]["source"]["anyOf"]
    found["Probe"] = {
        "type": "object",
        "title": "Probe",
        "required": ["source"],
        "additionalProperties": False,
        "properties": {
            "source": {"anyOf": [url, whole]},
            "channels": {
                "type": "boolean",
                "default": False,
                "description": "Ask for the device's other streams, too",
            },
        },
    }
    found |= _assets()
    found["Swap"] = _swap(url, whole, stream["properties"].get("asset", {"type": "string"}))
    found["Problem"] = problem.SCHEMA
    found["Login"] = {
        "type": "object",
        "title": "Login",
        "required": ["token"],
        "additionalProperties": False,
        "properties": {"token": {"type": "string", "maxLength": MAX_TOKEN}},
    }
    return found


def _assets() -> dict[str, Any]:
    """Return the schemas of the bodies that concern assets."""
    text = json.dumps(config_schemas("AssetConfig")).replace("#/$defs/", "#/components/schemas/")
    found: dict[str, Any] = json.loads(text)
    asset = found["AssetConfig"]
    reason = {"type": "string", "maxLength": MAX_NOTES, "description": "Why `planned` is moved; it goes to `slips`"}
    ids = {"type": "string", "pattern": STREAM_ID_PATTERN}
    new = {**asset["properties"], "id": ids}
    found["NewAsset"] = {**asset, "title": "NewAsset", "required": ["id"], "properties": new}
    found["AssetChange"] = {**asset, "title": "AssetChange", "properties": {**asset["properties"], "reason": reason}}
    line = {"type": "string", "maxLength": MAX_VALUE}
    found["AssetDevice"] = {
        "type": "object",
        "title": "AssetDevice",
        "description": "What a device tells of itself over ONVIF (GetDeviceInformation, and scopes)",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": dict.fromkeys(PROPERTIES, line),
    }
    changes = {
        "assets": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/AssetChange"}},
        "streams": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/StreamChange"}},
    }
    found["AssetImport"] = {
        "type": "object",
        "title": "AssetImport",
        "description": "Keys of many assets and streams by id; those that are not there are added",
        "additionalProperties": False,
        "properties": changes,
    }
    return found


def _swap(url: object, source: object, asset: object) -> dict[str, Any]:
    """Return the schema of the swap of a camera."""
    flags = {
        "plan": "Look at the camera and change nothing",
        "force": "Switch to the camera even if it sends no pictures",
    }
    return {
        "type": "object",
        "title": "Swap",
        "required": ["source"],
        "additionalProperties": False,
        "properties": {
            "source": {"anyOf": [url, source]},
            "asset": asset,
            **{name: {"type": "boolean", "default": False, "description": text} for name, text in flags.items()},
        },
    }


def _remove_default_422(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Remove FastAPI's own answer to bad parameters, which is never given: they are answered 400."""
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in json.dumps(operation["responses"].get("422", {})):
                del operation["responses"]["422"]


def install(app: FastAPI, *, version: str) -> None:
    """Make `app.openapi()` complete."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=version,
                openapi_version="3.1.0",
                routes=app.routes,
                description=app.description,
            )
            parts = document.setdefault("components", {})
            schemas = {**parts.get("schemas", {}), **components()}
            _remove_default_422(document, schemas)
            parts["schemas"] = dict(sorted(schemas.items()))
            schemes = ("bearer", "digest", "basic")
            parts["securitySchemes"] = {scheme: {"type": "http", "scheme": scheme} for scheme in schemes}
            parts["securitySchemes"]["cookie"] = _COOKIE
            document["security"] = [{"bearer": []}, {"cookie": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
