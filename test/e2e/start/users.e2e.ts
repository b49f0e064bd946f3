import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { cloneTo, giveTo, isOpenToAll } from '../support/clone.js';
import { Orrery, isAlive } from '../support/orrery.js';
import { submit, succeeded } from '../support/runs.js';

const ENDS_MS = 20_000;
const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
/** Whoever it is on this machine: an id needs no entry in its list of users. */
const NOBODY = 65_534;

interface Person {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
/** Root can be anybody; anybody else only themselves. */
const people: readonly Person[] =
  me.uid === 0
    ? [
        { name: 'root', ...me },
        { name: 'an unprivileged user', uid: NOBODY, gid: NOBODY },
      ]
    : [{ name: 'the unprivileged user that we are', ...me }];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery users '));
fs.chmodSync(folder, 0o755);
let orrery: Orrery | undefined;

afterEach(async () => {
  await orrery?.remove();
  fs.rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** `npm start` as a person with a clone and a home of their own, on a path with a space. */
function startOf({ uid, gid }: Person): Orrery {
  const clone = path.join(folder, 'a clone');
  const canReach = uid === me.uid || (isOpenToAll(ROOT) && isOpenToAll(process.execPath));
  cloneTo(clone, canReach ? 'linked' : 'copied');
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin);
  // The same Node for npm and all that it starts, also where only root may enter its folder.
  const node = path.join(bin, 'node');
  if (canReach) fs.symlinkSync(process.execPath, node);
  else fs.copyFileSync(process.execPath, node);
  giveTo(uid, gid, folder);
  const variables = { HOME: folder, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const [program, ...words] = ['npm', 'start', '--silent'] as const;
  return new Orrery(path.join(folder, 'a home'), variables, {
    ...{ program, words, cwd: clone, group: true },
    ...(uid === me.uid ? {} : { uid, gid }),
  });
}

const uidOf = (pid: number): number =>
  Number(execFileSync('ps', ['-o', 'uid=', '-p', String(pid)], { encoding: 'utf8' }));

test.each(people)(
  'npm start as $name, in a clone on a path with a space',
  async (person) => {
    orrery = startOf(person);
    const { processes, databaseUrl } = await orrery.start();
    expect(new URL(databaseUrl).hostname).toBe('127.0.0.1');
    expect(fs.existsSync(path.join(folder, 'a clone', 'dist', '.stamp'))).toBe(true);
    for (const { role, pid } of processes) {
      // PostgreSQL refuses to be root, and is nobody else but then.
      const isServer = role === 'postgres-server';
      if (isServer && person.uid === 0) expect(uidOf(pid)).not.toBe(0);
      else expect([role, uidOf(pid)]).toEqual([role, person.uid]);
    }
    const client = orrery.client();
    const spec = { kind: 'shell', command: `[ "$(id -u)" = ${person.uid} ]` };
    await succeeded(client, await submit(client, { spec }), ENDS_MS);
    await succeeded(client, await submit(client, { job: 'noop' }), ENDS_MS);

    const { code, ms } = await orrery.stop();
    expect([code, orrery.text]).toEqual([0, expect.stringContaining('Orrery is up')]);
    expect(ms).toBeLessThan(5_000);
    for (const { pid } of processes) expect(isAlive(pid)).toBe(false);
  },
  180_000,
);
