package orderflow;

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import java.util.Set;

/** Stands in for mongod: the MongoDB wire protocol on an H2 store. Arguments: port, data file. */
public final class MongoWireServer {
  public static void main(String[] args) {
    MongoServer server = new MongoServer(new DurableBackend(args[1]).version(new CurrentVersion()));
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow, "shutdown"));
    System.out.println("mongo wire server is ready");
  }

  /** H2 itself commits once a second in the background: a kill would lose acknowledged writes. */
  private static final class DurableBackend extends H2Backend {
    private static final Set<String> WRITES = Set.of(
        "insert", "update", "delete", "findandmodify", "create", "createindexes", "drop", "dropindexes",
        "dropdatabase", "renamecollection");

    DurableBackend(String file) {
      super(file);
    }

    @Override
    public Document handleMessage(MongoMessage message) {
      Document reply = super.handleMessage(message);
      String command = message.getDocument().keySet().iterator().next();
      if (WRITES.contains(command.toLowerCase())) {
        commit();
      }
      return reply;
    }
  }

  /** Today's drivers refuse servers below wire version 9. */
  private static final class CurrentVersion implements MongoVersion {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(5, 0, 0);
    }

    @Override
    public int getWireVersion() {
      return 13;
    }
  }

  private MongoWireServer() {}
}
