// Sends HTTP/1.1 requests, 16 at once: METHOD URL BODY TAG COUNT. `#` in URL and BODY is replaced by TAG and the number of
// the request; an empty BODY is none. Prints {seconds}.
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

const [method = '', url = '', body = '', tag = '', count = '0'] = process.argv.slice(2);
const callers = 16;
const agent = new Agent({ keepAlive: true, maxSockets: callers });
const headers = body === '' ? {} : { 'content-type': 'application/json' };

async function send(number: number): Promise<void> {
  const numbered = (template: string) => template.replace('#', `${tag}-${number}`);
  const sent = request(numbered(url), { method, agent, headers }).end(numbered(body));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  const received = await text(response);
  if ((response.statusCode ?? 0) >= 300)
    throw new Error(`${method} ${url}: ${response.statusCode} ${received}`);
}

const began = performance.now();
let next = 0;
await Promise.all(
  Array.from({ length: callers }, async () => {
    while (next < Number(count)) await send(next++);
  }),
);
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
agent.destroy();
