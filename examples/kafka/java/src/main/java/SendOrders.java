import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import orderflow.order.event.v1.OrderSubmittedOuterClass.OrderSubmitted;
import orderflow.order.event.v1.OrderSubmittedOuterClass.SubmittedLine;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends four orders, as protobuf and as JSON, each with a key and without. Argument: what their ids begin with.
 * Environment: KAFKA_BROKERS, ORDERS_TOPIC, COMPRESSION (none, gzip, snappy, lz4 or zstd).
 */
class SendOrders {
    public static void main(String[] args) throws Exception {
        if (args.length != 1) throw new IllegalArgumentException("usage: SendOrders ID");
        var id = args[0];
        var environment = System.getenv();
        var topic = environment.getOrDefault("ORDERS_TOPIC", "orders");
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", environment.getOrDefault("KAFKA_BROKERS", "localhost:9092"),
                "compression.type", environment.getOrDefault("COMPRESSION", "none"));
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
            // Throws after a minute when there is no broker; else each send would wait for as long.
            producer.partitionsFor(topic);
            var sent = List.of(
                    producer.send(new ProducerRecord<>(topic, protobuf(id + "-protobuf"))),
                    producer.send(new ProducerRecord<>(topic, id, protobuf(id + "-protobuf-keyed"))),
                    producer.send(new ProducerRecord<>(topic, json(id + "-json"))),
                    producer.send(new ProducerRecord<>(topic, id, json(id + "-json-keyed"))));
            // An order is sent once the broker has acknowledged it: get throws what kept it from that.
            for (var each : sent) each.get();
        }
    }

    static byte[] protobuf(String orderId) {
        var line = SubmittedLine.newBuilder().setSku("MOUSE001").setQuantity(2);
        var order = OrderSubmitted.newBuilder().setOrderId(orderId).setCustomerId("c-1").addLines(line);
        return order.build().toByteArray();
    }

    static byte[] json(String orderId) {
        var order = """
                {"orderId":"%s","customerId":"c-1","products":[{"sku":"MOUSE001","quantity":2}]}""";
        return order.formatted(orderId).getBytes(StandardCharsets.UTF_8);
    }
}
