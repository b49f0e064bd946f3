import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerRecord } from '#core';
import { lockDirectory } from './directory.lock.js';
import { openStore } from './directory.js';
import { Journal, parseJournal } from './journal.js';

let directory = '';
let file = '';

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'orrery-journal-'));
  file = path.join(directory, 'journal');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const promise = (seq: number): LedgerRecord => ({
  kind: 'promise',
  partition: 1,
  promise: { epoch: 1, seq },
});

async function written(...turns: readonly (readonly LedgerRecord[])[]): Promise<Journal> {
  const journal = new Journal(file);
  await journal.rewrite([promise(0)]);
  for (const turn of turns) await journal.append(turn);
  return journal;
}

describe('the journal', () => {
  it('reads what was written, over appends and rewrites', async () => {
    const journal = await written([promise(1), promise(2)], [promise(3)]);
    expect((await journal.read()).records).toEqual([0, 1, 2, 3].map(promise));
    await journal.rewrite([promise(3)]);
    await journal.append([promise(4)]);
    expect((await new Journal(file).read()).records).toEqual([promise(3), promise(4)]);
    await journal.close();
  });

  it('has nothing to read at first, and wants a rewrite before an append', async () => {
    const journal = new Journal(file);
    expect(await journal.read()).toEqual({ records: [], damaged: false });
    expect(journal.wantsRewrite).toBe(true);
    await expect(journal.append([promise(1)])).rejects.toThrow('rewrite');
  });

  it('ignores a last line that is torn at any byte, and loses no other', async () => {
    const journal = await written([promise(1)]);
    const before = readFileSync(file).length;
    await journal.append([promise(2), promise(3)]);
    await journal.close();
    const whole = readFileSync(file);
    for (let length = whole.length - 1; length >= before; length--) {
      const read = parseJournal(whole.subarray(0, length));
      expect(read).toEqual({ records: [promise(0), promise(1)], damaged: false });
    }
    truncateSync(file, whole.length - 3);
    const again = new Journal(file);
    await again.rewrite((await again.read()).records);
    await again.append([promise(4)]);
    await again.close();
    expect((await again.read()).records).toEqual([0, 1, 4].map(promise));
  });

  it('calls a broken line before a good one damage, whichever byte it is', async () => {
    const journal = await written([promise(1)], [promise(2)]);
    await journal.close();
    const whole = readFileSync(file);
    const lastLine = whole.lastIndexOf(0x0a, whole.length - 2);
    for (let at = 0; at < lastLine; at += 1) {
      const broken = Buffer.from(whole);
      broken[at] = (broken[at] ?? 0) ^ 0x01;
      expect(parseJournal(broken)).toEqual({ records: [], damaged: true });
    }
    writeFileSync(file, Buffer.concat([Buffer.from('x'), whole.subarray(1)]));
    expect((await journal.read()).damaged).toBe(true);
    expect(readFileSync(`${file}.damaged`).length).toBe(whole.length);
  });
});

describe('the directory', () => {
  it('belongs to one executor for good, and to one process at a time', async () => {
    const store = await openStore(directory, 'x1');
    await expect(openStore(directory, 'x1')).rejects.toThrow('already runs');
    await store.close();
    await expect(openStore(directory, 'x2')).rejects.toThrow('belongs to the executor x1');
    const again = await openStore(directory, undefined);
    expect(again.id).toBe('x1');
    await again.close();
  });

  it('takes a lock over from a process that is gone, never from one that lives', () => {
    const lock = path.join(directory, 'lock');
    writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1, birth: '1' }));
    lockDirectory(lock, directory)();
    writeFileSync(lock, JSON.stringify({ pid: process.ppid, birth: '' }));
    expect(() => lockDirectory(lock, directory)).toThrow(`pid ${process.ppid}`);
  });

  it('refuses an id that cannot stand in a topic', async () => {
    await expect(openStore(directory, 'a/b')).rejects.toThrow("cannot be an executor's id");
  });
});
