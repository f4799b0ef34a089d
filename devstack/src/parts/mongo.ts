import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { javaArtefacts, jvmOptions } from '../java.ts';
import type { PartKind } from '../part.ts';
import { ask } from '../ports.ts';
import { findOnPath } from './find-on-path.ts';

const mongod = findOnPath('mongod');

/** The mongod on the PATH if there is one, otherwise the MongoDB wire server of `devstack/java`. */
export const mongoKind: PartKind = {
  name: 'mongo',
  server: mongod ? 'mongod from the PATH' : 'a MongoDB wire server on H2, standing in for mongod',
  urlVariable: 'MONGO_URL',
  url: (port) => `mongodb://127.0.0.1:${port}`,
  stopSignal: 'SIGTERM',
  responds: async (port) => (await ask('127.0.0.1', port, HELLO)) !== undefined,
  async prepare({ dataDir, port, shortLived, onProgress }) {
    // Separate folders, because neither can read the other's files.
    const dbPath = path.join(dataDir, mongod ? 'mongod' : 'wire-server');
    await mkdir(dbPath, { recursive: true });
    if (mongod) {
      return {
        command: mongod,
        args: ['--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1'],
      };
    }
    const { classpath } = await javaArtefacts(onProgress);
    const options = [...jvmOptions(shortLived), '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
    const args = ['-cp', classpath, 'orderflow.MongoWireServer', String(port), path.join(dbPath, 'data.mv')];
    return { command: 'java', args: [...options, ...args] };
  },
};

/** OP_MSG { hello: 1, $db: "admin" } */
const HELLO = (() => {
  const command = Buffer.concat([
    Buffer.from('\x10hello\0\x01\0\0\0', 'latin1'),
    Buffer.from('\x02$db\0\x06\0\0\0admin\0', 'latin1'),
    Buffer.from([0]),
  ]);
  const message = Buffer.alloc(25);
  message.writeInt32LE(message.length + command.length, 0);
  message.writeInt32LE(1, 4); // request id
  message.writeInt32LE(2013, 12); // OP_MSG; then flags and section kind, both 0
  message.writeInt32LE(4 + command.length, 21);
  return Buffer.concat([message, command]);
})();
