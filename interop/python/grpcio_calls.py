"""Calls with the clients of grpcio: gRPC over cleartext HTTP/2."""

import grpc
from grpc_status import rpc_status

from answer import Ended
from generated import message_of, module_of

# One connection to each server, which all calls share, as gRPC means it.
channels = {}


async def call(request, received):
    url, service = request["url"], request["service"]
    if url not in channels:
        channels[url] = grpc.aio.insecure_channel(url.removeprefix("http://"))
    stub = getattr(module_of(service, "_pb2_grpc"), service.rpartition(".")[2] + "Stub")(channels[url])
    metadata = [(name.lower(), value) for name, value in request.get("headers", {}).items()]
    timeout = request["timeoutMs"] / 1000 if "timeoutMs" in request else None
    running = getattr(stub, request["method"])(message_of(request), metadata=metadata, timeout=timeout)
    ended = Ended()
    try:
        if isinstance(running, grpc.aio.UnaryStreamCall):
            async for message in running:
                received(message)
        else:
            received(await running)
    except grpc.aio.AioRpcError as error:
        # Connect and Go write it with one l.
        ended.code = error.code().name.lower().replace("cancelled", "canceled")
        ended.message = error.details()
        status = rpc_status.from_call(error)
        ended.details = list(status.details) if status else []
    ended.headers = await running.initial_metadata()
    ended.trailers = await running.trailing_metadata()
    return ended
