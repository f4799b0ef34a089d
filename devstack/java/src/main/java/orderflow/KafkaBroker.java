package orderflow;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import kafka.Kafka;
import kafka.tools.StorageTool;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/**
 * A single KRaft broker. Formats its log directory when it is new and prints "kafka is ready" once topics can be
 * created and groups can be joined. Arguments: properties file, bootstrap address.
 */
public final class KafkaBroker {
  /** The same for every stack: nothing ever joins two of them. */
  private static final String CLUSTER_ID = "b3JkZXJmbG93LWRldnN0aw";

  public static void main(String[] args) {
    String properties = args[0];
    String[] format = {"format", "--cluster-id", CLUSTER_ID, "--config", properties, "--ignore-formatted"};
    int status = StorageTool.execute(format, System.out);
    if (status != 0) {
      System.exit(status);
    }
    Thread readiness = new Thread(() -> announceWhenReady(args[1]), "readiness");
    readiness.setDaemon(true);
    readiness.start();
    Kafka.main(new String[] {properties});
  }

  private static void announceWhenReady(String bootstrap) {
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap))) {
      NewTopic probe = new NewTopic("readiness-probe", Optional.of(1), Optional.empty());
      admin.createTopics(List.of(probe), new CreateTopicsOptions().validateOnly(true)).all().get();
      // Asking for a group creates the offsets topic and waits until it is loaded: without this, the first join of a
      // fresh broker fails with "coordinator is loading".
      try {
        admin.describeConsumerGroups(List.of("readiness-probe")).all().get();
      } catch (ExecutionException error) {
        if (!(error.getCause() instanceof GroupIdNotFoundException)) {
          throw error;
        }
      }
      System.out.println("kafka is ready");
    } catch (ExecutionException | InterruptedException error) {
      System.out.println("kafka is not ready: " + error.getMessage());
      System.exit(1);
    }
  }

  private KafkaBroker() {}
}
