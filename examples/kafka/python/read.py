"""Prints the events of orders, one JSON object a line, until it is interrupted. Environment: KAFKA_BROKERS,
EVENTS_TOPIC, GROUP."""

import json
import os
import signal
import sys

from confluent_kafka import Consumer
from google.protobuf import json_format, message_factory, symbol_database
from google.protobuf.message import DecodeError

from orderflow.order.event.v1 import order_events_pb2  # noqa: F401 - the types of events


def event_of(record):
    """The event of a record, or None if its type is not known here: later versions of orderflow add events."""
    headers = dict(record.headers() or [])
    if "ce_type" not in headers:
        raise ValueError("it has no header ce_type")
    type_name = headers["ce_type"].decode()
    try:
        descriptor = symbol_database.Default().pool.FindMessageTypeByName(type_name)
    except KeyError:
        return None
    event = message_factory.GetMessageClass(descriptor).FromString(record.value())
    return {"id": headers["ce_id"].decode(), "type": type_name, "event": json_format.MessageToDict(event)}


for stop in (signal.SIGINT, signal.SIGTERM):
    signal.signal(stop, lambda *_: sys.exit())
consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("KAFKA_BROKERS", "localhost:9092"),
        "group.id": os.environ.get("GROUP", "example-python"),
        "auto.offset.reset": "earliest",
        # Committed is only what has been handled: an event may come twice then, with the same id, but none is lost.
        "enable.auto.offset.store": False,
    }
)
consumer.subscribe([os.environ.get("EVENTS_TOPIC", "order-events")])
try:
    while True:
        record = consumer.poll(1)
        if record is None:
            continue
        if record.error():
            print(record.error(), file=sys.stderr)  # the library tries again
            continue
        try:
            event = event_of(record)
            if event is not None:
                print(json.dumps(event), flush=True)
        except (AttributeError, KeyError, TypeError, ValueError, DecodeError) as error:
            position = f"{record.topic()}-{record.partition()}@{record.offset()}"
            print(f"skipped what is no event, {position}: {error}", file=sys.stderr)
        consumer.store_offsets(record)
finally:
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_DFL)  # a second interrupt does not wait for close
    consumer.close()
