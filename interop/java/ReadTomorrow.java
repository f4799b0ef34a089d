import orderflow.order.event.v1.OrderEvents.OrderCancelled;

/**
 * Reads an OrderCancelled from standard input with code that was generated before a field and a reason were added, and
 * writes a line about it, then the message as it would pass it on, in hexadecimal.
 */
class ReadTomorrow {
    public static void main(String[] args) throws Exception {
        var event = OrderCancelled.parseFrom(System.in);
        System.out.printf("%s %d %s %d%n", event.getOrderId(), event.getVersion(), event.getReason(), event.getReasonValue());
        System.out.println(java.util.HexFormat.of().formatHex(event.toByteArray()));
    }
}
