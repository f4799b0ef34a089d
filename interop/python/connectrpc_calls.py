"""Calls with the clients of connectrpc: the Connect protocol over HTTP/1.1, its default without TLS."""

import inspect

from connectrpc.client import ResponseMetadata
from connectrpc.errors import ConnectError
from google.protobuf.any_pb2 import Any

from answer import Ended
from generated import message_of, module_of, snake


async def call(request, received):
    service = request["service"]
    client = getattr(module_of(service, "_connect"), service.rpartition(".")[2] + "Client")(request["url"])
    method = getattr(client, snake(request["method"]))
    ended = Ended()
    with ResponseMetadata() as response:
        try:
            result = method(message_of(request), headers=request.get("headers"), timeout_ms=request.get("timeoutMs"))
            if inspect.isawaitable(result):
                received(await result)
            else:
                async for message in result:
                    received(message)
        except ConnectError as error:
            ended.code, ended.message = error.code.value, error.message
            ended.details = [any_of(detail) for detail in error.details]
    ended.headers, ended.trailers = response.headers.allitems(), response.trailers.allitems()
    return ended


def any_of(detail):
    return Any(type_url=f"type.googleapis.com/{detail.type_name}", value=detail.message_bytes)
