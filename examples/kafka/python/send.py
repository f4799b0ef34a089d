"""Sends four orders, as protobuf and as JSON, each with a key and without. Argument: what their ids begin with.
Environment: KAFKA_BROKERS, ORDERS_TOPIC, COMPRESSION (none, gzip, snappy, lz4 or zstd)."""

import json
import os
import sys

from confluent_kafka import KafkaException, Producer

from orderflow.order.event.v1.order_submitted_pb2 import OrderSubmitted, SubmittedLine


def protobuf(order_id):
    lines = [SubmittedLine(sku="MOUSE001", quantity=2)]
    return OrderSubmitted(order_id=order_id, customer_id="c-1", lines=lines).SerializeToString()


def plain_json(order_id):
    products = [{"sku": "MOUSE001", "quantity": 2}]
    return json.dumps({"orderId": order_id, "customerId": "c-1", "products": products})


def delivered(error, record):
    if error is not None:
        raise KafkaException(error)


if len(sys.argv) != 2:
    sys.exit("usage: send.py ID")
id = sys.argv[1]
topic = os.environ.get("ORDERS_TOPIC", "orders")
producer = Producer(
    {
        "bootstrap.servers": os.environ.get("KAFKA_BROKERS", "localhost:9092"),
        "compression.type": os.environ.get("COMPRESSION", "none"),
        "enable.idempotence": True,
    }
)
producer.produce(topic, protobuf(f"{id}-protobuf"), on_delivery=delivered)
producer.produce(topic, protobuf(f"{id}-protobuf-keyed"), key=id, on_delivery=delivered)
producer.produce(topic, plain_json(f"{id}-json"), on_delivery=delivered)
producer.produce(topic, plain_json(f"{id}-json-keyed"), key=id, on_delivery=delivered)
# An order is sent once the broker has acknowledged it: flush waits, and raises what kept one from that.
if producer.flush(60) > 0:
    sys.exit("the broker has not acknowledged every order")
