"""Keeps schemathesis on this machine: a source that would be connected to becomes a port of it where nobody listens.

Each connection comes from another address of this machine: schemathesis sends wrong tokens to every operation, and the
brake on guesses would hold the answers to one address for eight seconds each.
"""

import itertools
import re

import schemathesis
from urllib3.util import connection

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


numbers = itertools.count(1)
connect = connection.create_connection


def connect_from_another_address(address, timeout=None, source_address=None, socket_options=None):
    number = next(numbers)
    source = f"127.{1 + number // 62500 % 250}.{1 + number // 250 % 250}.{1 + number % 250}"
    return connect(address, timeout, source_address=(source, 0), socket_options=socket_options)


connection.create_connection = connect_from_another_address
