// The program that the conformance suite starts, many times: a pipe to the one process in which everything is loaded.
// Argument: the port of that process. It forwards the suite's data there and back.
import { connect } from 'node:net';

const socket = connect(Number(process.argv[2]), '127.0.0.1');
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('close', () => process.exit());
