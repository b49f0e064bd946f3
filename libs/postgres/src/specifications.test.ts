import { describe, expect, test } from 'vitest';
import type { SpecificationRef } from '#core';
import type { Connection } from './connection.js';
import { Specifications } from './specifications.js';

const PROJECT = 'p';
const policy = JSON.stringify({ jobName: 'job', projectName: 'x'.repeat(250) });
const ref = (n: number): SpecificationRef => ({ project: PROJECT, spec: String(n) });
const refs = (from: number, count: number): SpecificationRef[] =>
  Array.from({ length: count }, (_, i) => ref(from + i));

/** Answers with what is asked for; counts what it was asked. */
class Store {
  asked = 0;
  constructor(private readonly bodyBytes: number) {}

  readonly connection = {
    query: (_name: string, _text: string, [, specs]: string[]) => {
      const hashes = (specs ?? '').slice(1, -1).split(',');
      this.asked += hashes.length;
      const body = 'b'.repeat(this.bodyBytes);
      return Promise.resolve(hashes.map((hash) => ({ project: PROJECT, hash, body, policy })));
    },
  } as unknown as Connection;
}

describe('specifications', () => {
  test('each is read once, and handed to who asked', async () => {
    const store = new Store(100);
    const specifications = new Specifications();
    const found = await specifications.find(store.connection, refs(0, 10));
    for (const { project, spec } of refs(0, 10)) {
      expect(found.policy(project, spec).jobName).toBe('job');
    }
    await specifications.find(store.connection, refs(0, 10));
    expect(store.asked).toBe(10);
    expect(() => found.policy(PROJECT, '11')).toThrow('specification 11 does not exist');
  });

  test('more than fits is found all the same, though part of it was known', async () => {
    const store = new Store(10_000);
    const specifications = new Specifications(100_000);
    await specifications.find(store.connection, refs(0, 20));
    const found = await specifications.find(store.connection, refs(0, 40));
    for (const { project, spec } of refs(0, 40)) expect(found.get(project, spec)).toBeDefined();
  });

  test('a read keeps what it has found while another one makes room', async () => {
    const store = new Store(10_000);
    const specifications = new Specifications(50_000);
    const [one, other] = await Promise.all([
      specifications.find(store.connection, refs(0, 30)),
      specifications.find(store.connection, refs(20, 30)),
    ]);
    for (const { spec } of refs(0, 30)) expect(one.get(PROJECT, spec)).toBeDefined();
    for (const { spec } of refs(20, 30)) expect(other.get(PROJECT, spec)).toBeDefined();
  });

  test('after any number of others it still keeps as many as fit', async () => {
    const store = new Store(100);
    const specifications = new Specifications(1_000_000);
    for (let n = 0; n < 200_000; n += 200) {
      // Twice at once: what both have read is counted once.
      const wanted = refs(n, 200);
      const twice = [wanted, wanted].map((each) => specifications.find(store.connection, each));
      await Promise.all(twice);
    }
    const kept = refs(199_000, 1_000).filter(({ spec }) => specifications.get(PROJECT, spec));
    expect(kept.length).toBeGreaterThan(900);
    expect(specifications.get(PROJECT, '1')).toBeUndefined();
  });

  test('what is used stays, what is not goes', async () => {
    const store = new Store(1_000);
    const specifications = new Specifications(100_000);
    await specifications.find(store.connection, [ref(-1)]);
    for (let n = 0; n < 1_000; n += 10) {
      expect(specifications.get(PROJECT, '-1')).toBeDefined();
      await specifications.find(store.connection, refs(n, 10));
    }
  });
});
