import { expect, test } from 'vitest';
import { MadeTexts, ResultTexts } from './made-texts.js';

const messageOf = (payload: unknown): string => JSON.stringify({ id: 'x', type: 'next', payload });

test('a result is made a text once, and each message carries its own', () => {
  let formatted = 0;
  const texts = new ResultTexts((result) => {
    formatted++;
    return result;
  });
  const result = { data: { a: 1 } };
  const [one, two] = [new MadeTexts(), new MadeTexts()];
  const held = one.put(texts.of(result));
  const later = one.put(texts.of({ data: { b: 2 } }));
  expect(one.take(messageOf(later))).toBe(messageOf({ data: { b: 2 } }));
  expect(one.take(messageOf(held))).toBe(messageOf(result));
  expect(two.take(messageOf(two.put(texts.of(result))))).toBe(messageOf(result));
  expect(formatted).toBe(2);
});

test('what only looks like one is left as it is', () => {
  const texts = new MadeTexts();
  texts.put('"secret"');
  for (const message of [
    messageOf({ made: 7 }),
    messageOf({ data: { run: { params: { payload: { made: 1 } } } } }),
    messageOf({ data: '"payload":{"made":1}}' }),
    JSON.stringify({ id: '"payload":{"made":1}}', type: 'complete' }),
  ]) {
    expect(texts.take(message)).toBe(message);
  }
});
