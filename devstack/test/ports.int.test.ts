import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePorts, isPortFree } from '../src/ports.ts';

const blockOf = (port: number) => Math.floor(port / 100);

/** Another process that has asked for ports, and does not listen on them. */
async function otherProcess() {
  const program = `const { freePorts } = await import(${JSON.stringify(import.meta.resolve('../src/ports.ts'))});
    console.log(JSON.stringify(await freePorts(3)));
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  return { child, ports: JSON.parse(String(line)) as number[] };
}

test('ports of another process stay reserved while it lives, though no process listens on them', async () => {
  const { child, ports } = await otherProcess();
  const [port = 0] = ports;
  expect(await Promise.all(ports.map(isPortFree))).toEqual([true, true, true]);

  // As chance would have it: twice the block of the other one.
  const theirs = (blockOf(port) - 100 + 0.5) / 160;
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(theirs).mockReturnValueOnce(theirs);
  onTestFinished(() => random.mockRestore());
  const own = await freePorts(150);
  expect(random.mock.calls.length).toBeGreaterThan(2);
  expect(new Set(own).size).toBe(150);
  expect(own.map(blockOf)).not.toContain(blockOf(port));

  child.kill('SIGKILL');
  await once(child, 'exit');
  random.mockReturnValueOnce(theirs);
  expect((await freePorts(100)).map(blockOf)).toContain(blockOf(port));
});

test('a port with a listener is skipped', async () => {
  const [first = 0] = await freePorts(1);
  const server = createServer().listen(first + 1, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  expect(await freePorts(2)).not.toContain(first + 1);
});
