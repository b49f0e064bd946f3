import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHome } from './home.lock.js';
import { openHome } from './home.js';
import { openLogFile } from './log-file.js';
import { createOutput, errorIn } from './output.js';
import { DevProblem } from './problem.js';

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-home-'));
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

describe('lockHome', () => {
  const file = (): string => path.join(directory, 'lock');

  it('names the holder in one sentence, and is free again after the release', () => {
    const lock = lockHome(file(), directory);
    expect(lock.stale).toBe(false);
    expect(() => lockHome(file(), directory)).toThrow(DevProblem);
    expect(() => lockHome(file(), directory)).toThrow(
      new RegExp(`with pid ${process.pid}: .*\\.$`),
    );
    lock.release();
    lockHome(file(), directory).release();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it('takes over from a dead one, from a stranger with its pid, and from rubbish', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const left = [
      JSON.stringify({ pid, birth: '1' }),
      JSON.stringify({ pid: process.pid, birth: '1' }),
      '{"pi',
    ];
    for (const text of left) {
      fs.writeFileSync(file(), text);
      const lock = lockHome(file(), directory);
      expect(lock.stale).toBe(true);
      lock.release();
    }
  });
});

describe('openHome', () => {
  it('says in one sentence that it cannot be written', () => {
    const file = path.join(directory, 'file');
    fs.writeFileSync(file, '');
    expect(() => openHome(path.join(file, 'home'))).toThrow(/^The home .* cannot be written .*\.$/);
  });

  it('writes the endpoint whole and for its owner alone', () => {
    const home = openHome(path.join(directory, 'home'));
    expect(home.readEndpoint()).toBeUndefined();
    home.writePorts({ broker: 7 });
    expect(home.readPorts()).toEqual({ broker: 7 });
    const endpoint = {
      graphql: 'g',
      ws: 'w',
      mqtt: 'm',
      databaseUrl: 'd',
      adminKeyFile: 'k',
      project: 'demo',
      processes: [],
    } as const;
    home.writeEndpoint(endpoint);
    expect(home.readEndpoint()).toEqual(endpoint);
    expect(fs.statSync(home.at('endpoint.json')).mode & 0o777).toBe(0o600);
    home.removeEndpoint();
    expect(fs.readdirSync(home.path).sort()).toEqual(['logs', 'ports.json']);
  });
});

describe('output', () => {
  it('rotates the log and keeps two', () => {
    const file = path.join(directory, 'x.log');
    const log = openLogFile(file, 10);
    for (const text of ['first------', 'second-----', 'third------', 'fourth-----']) {
      log.write(text);
    }
    log.close();
    log.write('late');
    expect(fs.readdirSync(directory).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
    expect(fs.readFileSync(file, 'utf8')).toBe('fourth-----');
    expect(fs.readFileSync(`${file}.2`, 'utf8')).toBe('second-----');
  });

  it('tells errors, whole lines only, and not too often', () => {
    const told: string[] = [];
    const written: string[] = [];
    const file = { write: (chunk: Buffer | string) => written.push(chunk.toString()), close() {} };
    const output = createOutput(file, (text) => told.push(text));
    output.take(Buffer.from('{"level":"info","message":"fine"}\n{"level":"er'));
    output.take(Buffer.from('ror","message":"bad"}\n{"level":"error","message":"bad again"}\n'));
    expect(told).toEqual(['bad']);
    expect(written.join('')).toContain('bad again');
    expect(errorIn('TypeError: x is not a function')).toBe('TypeError: x is not a function');
    expect(errorIn('    at file.js:1')).toBeUndefined();
  });
});
