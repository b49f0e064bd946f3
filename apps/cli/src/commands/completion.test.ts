import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { RUN_STATES } from '#core';
import { described } from './all.js';
import type { Place } from './command.js';
import { completionOf } from './completion.js';
import { commonOf } from './options.js';

async function scriptOf(shell: string): Promise<string> {
  let out = '';
  const terminal = { out: (text: string) => (out += text), err: () => '', isTerminal: false };
  const place = { terminal, format: 'table' } as unknown as Place;
  expect(await completionOf(() => described).start(place, {}, [shell])).toBe(0);
  return out;
}

/** What bash offers after these words, the last of them half typed. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const typed = ['orrery', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _orrery; echo "\${COMPREPLY[*]}"`;
  const script = `${await scriptOf('bash')}\n${ask}`;
  const out = execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
  return out.split(/\s+/).filter((word) => word !== '');
}

describe('completion', () => {
  test('of bash offers verbs, then what follows them', async () => {
    expect(await offered('')).toEqual(expect.arrayContaining(['submit', 'runs', 'doctor', 'help']));
    expect(await offered('ru')).toEqual(['runs']);
    expect(await offered('runs', 'l')).toEqual(['ls', 'logs']);
    expect(await offered('bulk', '')).toEqual(['ls', 'get', 'cancel']);
    expect(await offered('dead', 'retry', '--re')).toEqual(['--retried', '--reason']);
    expect(await offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'fish']));
  });

  test('of bash offers the options of every verb, and what each may be', async () => {
    expect(await offered('runs', 'ls', '--st')).toEqual(['--state']);
    expect(await offered('runs', 'ls', '--state', '')).toEqual([...RUN_STATES]);
    expect(await offered('runs', 'ls', '--output', 'nd')).toEqual(['ndjson']);
    expect(await offered('runs', 'bulk', 'CA')).toEqual(['CANCEL']);
    expect(await offered('submit', '--priority', '')).toHaveLength(10);
    expect(await offered('runs', 'mark', 'id', '--as', 'S')).toEqual(['SUCCEEDED', 'SKIPPED']);
    const submit = described.find(({ name }) => name === 'submit');
    if (submit === undefined) throw new Error('no submit');
    const flags = Object.keys({ ...submit.options, ...commonOf(submit) });
    expect((await offered('submit', '--')).toSorted()).toEqual(
      flags.map((flag) => `--${flag}`).toSorted(),
    );
  });

  test.each(['bash', 'zsh', 'fish'])('of %s knows every verb and option', async (shell) => {
    const script = await scriptOf(shell);
    for (const each of described) {
      for (const word of each.name.split(' ')) expect(script).toContain(word);
      for (const flag of Object.keys(each.options)) {
        expect(script).toContain(shell === 'fish' ? `-l ${flag} ` : `--${flag}`);
      }
    }
  });

  test('of another shell is a mistake', async () => {
    const start = completionOf(() => described).start({} as Place, {}, ['csh']);
    await expect(start).rejects.toMatchObject({ exitCode: 2 });
  });
});
