"""How a call ended, and the line that says so."""

import base64
from dataclasses import dataclass, field

from google.protobuf import json_format
from google.rpc import error_details_pb2  # noqa: F401 - the types of error details


@dataclass
class Ended:
    """code: a name of Connect's. details: google.protobuf.Any. Metadata: pairs of a name and its value."""

    code: str = "ok"
    message: str = ""
    details: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    trailers: list = field(default_factory=list)


def to_json(id, messages, ended):
    return {
        "id": id,
        "code": ended.code,
        "message": ended.message,
        "details": [detail_to_json(detail) for detail in ended.details],
        "messages": [json_format.MessageToDict(message) for message in messages],
        "headers": joined(ended.headers),
        "trailers": joined(ended.trailers),
    }


def detail_to_json(detail):
    try:
        return json_format.MessageToDict(detail)
    except TypeError:  # a type that this program does not know
        return {"@type": detail.type_url, "value": base64.b64encode(detail.value).decode()}


def joined(metadata):
    """One value of each name, in lower case; one in bytes is base64, as it is sent."""
    values = {}
    for name, value in metadata:
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        values.setdefault(name.lower(), []).append(text)
    return {name: ", ".join(all) for name, all in values.items()}
