"""Finds generated code by the names of a call, so that no RPC needs code here."""

import re
from importlib import import_module

from google.protobuf import json_format, message_factory

# The code of this service is not generated from the contracts: it comes with grpcio.
libraries = {"grpc.health.v1.Health": "grpc_health.v1.health"}


def module_of(service, suffix):
    """The module generated from the proto file of a service, which buf's STANDARD rules name as the service."""
    package, _, name = service.rpartition(".")
    return import_module(libraries.get(service, f"{package}.{snake(name)}") + suffix)


def message_of(request):
    """The request as the message that its method takes."""
    service = request["service"].rpartition(".")[2]
    methods = module_of(request["service"], "_pb2").DESCRIPTOR.services_by_name[service].methods_by_name
    message = message_factory.GetMessageClass(methods[request["method"]].input_type)()
    return json_format.ParseDict(request.get("request", {}), message)


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
