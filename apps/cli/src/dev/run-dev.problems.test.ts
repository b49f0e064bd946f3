import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  closeHomeForTest,
  errorsOf,
  type Given,
  home,
  openHomeForTest,
  type Run,
  run,
} from './fixtures/dev-run.js';

beforeEach(openHomeForTest);
afterEach(closeHomeForTest);

describe('problems are one sentence and exit 1', () => {
  let dev: Run;

  async function problemOf(given: Given): Promise<string | undefined> {
    dev = run(given);
    expect(await dev.exit).toBe(1);
    expect(fs.existsSync(path.join(home, 'lock'))).toBe(false);
    return errorsOf(dev).at(-1);
  }

  it('that of a child, as it is', async () => {
    expect(await problemOf({ stub: { STUB_PROBLEM: 'postgres' } })).toBe(
      'It lacks a thing: give it the thing.',
    );
  });

  it('a child that never comes up', async () => {
    expect(await problemOf({ stub: { STUB_CRASH: 'scheduler' } })).toMatch(
      /^scheduler-1 ended 5 times before it was ready: .*logs says why/,
    );
    expect(errorsOf(dev)).toContain('scheduler-1: Error: a defect in the stub');
  });

  it('a taken port', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    expect(await problemOf({ settings: { port } })).toMatch(
      new RegExp(`^Port ${port} on 127.0.0.1 cannot be taken \\(EADDRINUSE\\): .*ORRERY_PORT`),
    );
    server.close();
    await once(server, 'close');
    const databaseUrl = `postgres://me:secret@127.0.0.1:${port}/x`;
    const unreachable = await problemOf({ settings: { databaseUrl } });
    expect(unreachable).toMatch(/^Nothing can be reached at 127.0.0.1:\d+ of DATABASE_URL/);
    expect(unreachable).not.toContain('secret');
  });

  it('a failed migration, a home that cannot be written', async () => {
    expect(await problemOf({ migration: 'newer schema.' })).toMatch(
      /could not be brought up to date: newer schema; put that right/,
    );
    fs.writeFileSync(path.join(home, 'file'), '');
    expect(await problemOf({ settings: { home: path.join(home, 'file', 'x') } })).toMatch(
      /^The home .* cannot be written/,
    );
  });

  it('a database of a newer version', async () => {
    const data = path.join(home, 'postgres', 'data');
    fs.mkdirSync(data, { recursive: true });
    fs.writeFileSync(path.join(data, 'PG_VERSION'), '42');
    expect(await problemOf({ real: ['postgres'] })).toMatch(/is of PostgreSQL 42 and this Orrery/);
  });
});
