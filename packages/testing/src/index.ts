export { refusedChanges } from './append-only.ts';
export { eventually } from './eventually.ts';
export { openTransaction } from './open-transaction.ts';
export { startProcess, type TestProcess } from './process.ts';
export { createProxy, type Proxy } from './proxy.ts';
export { type AcceptedMail, type SmtpFault, type SmtpServer, startSmtpServer } from './smtp.ts';
export { createDatabase, privateStack, testStack, uniqueName } from './stack.ts';
