"""Keeps schemathesis on this machine: a source that would be connected to becomes a port of it where nobody listens."""

import re

import schemathesis

NOWHERE = "rtsp://127.0.0.1:9/x"
REACHABLE = re.compile(r"rtsp://[A-Za-z0-9\[]", re.IGNORECASE)


def at_home(source):
    if isinstance(source, str) and REACHABLE.match(source):
        return NOWHERE
    if isinstance(source, dict) and isinstance(source.get("url"), str) and REACHABLE.match(source["url"]):
        return {**source, "url": NOWHERE}
    return source


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and "source" in body:
        return {**body, "source": at_home(body["source"])}
    return body


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and "stream" in path_parameters and len(str(path_parameters["stream"])) % 2:
        return {**path_parameters, "stream": "front"}  # half of the time one that there is
    return path_parameters
