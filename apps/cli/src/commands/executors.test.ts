import { describe, expect, test } from 'vitest';
import { executors } from './executors.js';
import { play } from './testkit/play.js';

describe('executors drain, cordon and activate', () => {
  const executor = { id: 'x1', state: 'DRAINING', busy: 2, closed: { as: 'DRAINING', by: 'ana' } };

  test.each([
    ['drain', { deadline: '10m', reason: 'new disk' }],
    ['cordon', { reason: 'new disk' }],
    ['activate', {}],
  ] as const)('%s says what became of it', async (verb, values) => {
    const field = `${verb}Executor`;
    const data = { [field]: { executor, changed: true, pending: false, userErrors: [] } };
    const played = await play(executors, `executors ${verb}`, values, data, { words: ['x1'] });
    expect(played.document).toContain(`${field}(input`);
    expect(played.variables).toEqual({ input: { id: 'x1', ...values } });
    expect(JSON.parse(played.out)).toEqual({ ...executor, changed: true, pending: false });
  });

  test('a deadline that is none is refused before anything is asked', async () => {
    const asked = play(executors, 'executors drain', { deadline: 'soon' }, {}, { words: ['x1'] });
    await expect(asked).rejects.toThrow("not 'soon'");
  });

  test('a refusal is told', async () => {
    const userErrors = [{ code: 'NOT_FOUND', path: ['id'], message: 'There is no x.' }];
    const data = { cordonExecutor: { executor: null, changed: false, pending: false, userErrors } };
    await expect(play(executors, 'executors cordon', {}, data, { words: ['x'] })).rejects.toThrow(
      'There is no x.',
    );
  });
});

test('executors ls says who is closed, by whom and why', async () => {
  const closed = { by: 'ana', reason: 'new disk' };
  const one = { id: 'x1', state: 'CORDONED', pool: { name: 'default' }, slots: 4, busy: 1 };
  const nodes = [
    { ...one, since: null, closed },
    { ...one, id: 'x2', since: null, closed: null },
  ];
  const options = { format: 'table' } as const;
  const { out } = await play(executors, 'executors ls', {}, { executors: { nodes } }, options);
  expect(out).toMatch(/x1 +CORDONED +default +4 +1 .*ana: new disk/);
});
