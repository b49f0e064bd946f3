import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { OUTLET, Outlet } from './outlet.js';

const BOUND_MS = 8_000;
const HEAD = Buffer.from('{"id":"é","payload":');

let server: http.Server;
let outlet: Outlet;
let reader: WebSocket;
let heard: string[];

beforeEach(async () => {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server = http.createServer();
  server.on('upgrade', (request, wire: Duplex, head) =>
    sockets.handleUpgrade(request, wire, head, (socket) => {
      outlet = new Outlet(socket, wire);
      socket.on('pong', (data) => outlet.heard(data.toString()));
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  reader = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  heard = [];
  reader.on('message', (data: Buffer) => heard.push(data.toString()));
  await once(reader, 'open');
});
afterEach(() => {
  reader.terminate();
  server.close();
});

const bodyOf = (bytes: number): Buffer => Buffer.from(`"${'x'.repeat(bytes)}"}`);
const writeUntilClosed = (bytes: number): number => {
  let count = 0;
  for (; outlet.isOpen; count++) outlet.write(HEAD, bodyOf(bytes));
  return count;
};

describe('an outlet', () => {
  it('writes messages of every length, between those of the socket itself', async () => {
    // Around each change in how a frame says its length, and where a body is no longer copied.
    const { copyBytesMax } = OUTLET;
    const totals = [64, 125, 126, 127, copyBytesMax, copyBytesMax + 1, 65_535, 65_536, 300_000];
    const lengths = totals.map((total) => total - HEAD.length - bodyOf(0).length);
    const expected: string[] = [];
    for (const length of lengths) {
      const body = bodyOf(length);
      outlet.write(HEAD, body);
      expected.push(HEAD.toString() + body.toString());
      await outlet.send(`after ${length}`);
      expected.push(`after ${length}`);
    }
    await until(() => heard.length === expected.length, BOUND_MS);
    expect(heard).toEqual(expected);
  });

  it('is closed to a reader that lies: what the kernel has not taken nobody has read', () => {
    reader.pause();
    let rounds = 0;
    for (; outlet.isOpen && rounds < 1_000; rounds++) {
      writeUntilClosed(20_000);
      outlet.heard('1e99');
    }
    expect(outlet.isOpen).toBe(false);
    expect(rounds).toBeLessThan(1_000);
  });

  it('closes when the bound is unread, whatever a kernel would take, and opens again', async () => {
    reader.pause();
    const count = writeUntilClosed(20_000);
    const least = OUTLET.unreadBytesMax / 20_000;
    expect(count).toBeGreaterThanOrEqual(Math.floor(least));
    expect(count).toBeLessThanOrEqual(Math.ceil(least));
    await until(() => outlet.closedMs > 0, BOUND_MS);
    let told = 0;
    outlet.whenOpen(() => told++);
    const forget = outlet.whenOpen(() => (told += 100));
    forget();
    expect([outlet.isOpen, outlet.isBehind]).toEqual([false, true]);
    reader.resume();
    await until(() => outlet.isOpen, BOUND_MS);
    expect([told, outlet.closedMs]).toEqual([1, 0]);
    await until(() => heard.length === count, BOUND_MS);
  });

  it('still takes what ends a stream', async () => {
    reader.pause();
    const count = writeUntilClosed(20_000);
    void outlet.send('over');
    reader.resume();
    await until(() => heard.length === count + 1, BOUND_MS);
    expect(heard.at(-1)).toBe('over');
  });

  it('believes no pong of what was never sent', () => {
    reader.pause();
    for (const lie of ['', 'nonsense', '-1', '0']) {
      writeUntilClosed(20_000);
      outlet.heard(lie);
      expect(outlet.isOpen).toBe(false);
    }
    outlet.heard('1e99');
    expect(outlet.isOpen).toBe(true);
    // It has said that it has read what was sent by then, and no more.
    expect(writeUntilClosed(20_000)).toBeLessThanOrEqual(OUTLET.unreadBytesMax / 20_000 + 1);
  });

  it('writes nothing when its socket has closed', async () => {
    reader.close();
    await once(reader, 'close');
    outlet.write(HEAD, bodyOf(10));
    await outlet.send('late');
    expect(heard).toEqual([]);
  });
});
