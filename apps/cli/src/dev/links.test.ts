import net from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Links } from './links.js';

let server: net.Server;
let url: string;
let links: Links;
const clients: net.Socket[] = [];

beforeEach(async () => {
  server = net.createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `mqtt://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  links = new Links();
  await links.open('a', url);
  await links.open('b', url);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  links.close();
  await new Promise((resolve) => server.close(resolve));
});

/** Says a word and hears it back, or is cut off. */
function echo(name: string): Promise<string> {
  const client = net.connect(Number(new URL(links.urlFor(name, url)).port), '127.0.0.1');
  clients.push(client);
  return new Promise((resolve) => {
    client.on('error', () => resolve('cut'));
    client.on('close', () => resolve('cut'));
    client.once('data', (bytes) => resolve(bytes.toString()));
    client.write('hello');
  });
}

test('everybody has a way of his own; who has none goes straight', async () => {
  expect([await echo('a'), await echo('b')]).toEqual(['hello', 'hello']);
  expect(links.urlFor('a', url)).not.toBe(links.urlFor('b', url));
  expect(links.urlFor('gateway', url)).toBe(url);
  expect(links.cut('gateway')).toBe(false);
});

test('a cut ends what is open, refuses what comes, of one alone, until it is mended', async () => {
  await echo('a');
  const [open] = clients as [net.Socket];
  const ended = new Promise((resolve) => void open.once('close', resolve));
  expect(links.cut('a')).toBe(true);
  await ended;
  expect([await echo('a'), await echo('b')]).toEqual(['cut', 'hello']);
  links.mend('a');
  expect(await echo('a')).toBe('hello');
});
