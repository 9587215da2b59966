"""Keeps schemathesis on this machine: a source that would be connected to becomes a port of it where nobody listens.

Each connection comes from another address of this machine: schemathesis sends wrong tokens to every operation, and the
brake on guesses would hold the answers to one address for eight seconds each.

The coverage phase changes every key of a body in every way, and makes up the stream or the asset in the path, which is
not there then: the answer to PUT or PATCH of a JSON object is 404 or 412 whatever is in it. Of so many of these bodies
as ONE_BODY_IN says, a run without much time sends one. What is no object, and what goes elsewhere, is all sent.
"""

import collections
import itertools
import os
import re

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData
from urllib3.util import connection

ONE_BODY_IN = int(os.environ.get("ONE_BODY_IN", "1"))
MANY = 100
"""The bodies that every run sends to each operation."""

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


bodies: collections.Counter[str] = collections.Counter()


@schemathesis.hook
def filter_case(context, case):
    data = case.meta.phase.data if case.meta is not None else None
    if not isinstance(data, CoveragePhaseData) or data.parameter_location != ParameterLocation.BODY:
        return True
    operation = case.operation.label
    if not operation.startswith(("PUT ", "PATCH ")) or "{" not in operation or not isinstance(case.body, dict):
        return True
    bodies[operation] += 1
    return bodies[operation] <= MANY or bodies[operation] % ONE_BODY_IN == 0


numbers = itertools.count(1)
connect = connection.create_connection


def connect_from_another_address(address, timeout=None, source_address=None, socket_options=None):
    number = next(numbers)
    source = f"127.{1 + number // 62500 % 250}.{1 + number // 250 % 250}.{1 + number % 250}"
    return connect(address, timeout, source_address=(source, 0), socket_options=socket_options)


connection.create_connection = connect_from_another_address
