import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { type TestGateway, startTestGateway } from './testkit/gateway.js';

let database: TestDatabase;
let gateway: TestGateway;
beforeAll(async () => {
  database = await startTestDatabase();
  gateway = await startTestGateway({ url: database.url });
});
afterAll(async () => {
  await gateway.stop();
  await database.stop();
});

const SUBMIT = `mutation ($input: SubmitRunInput!) {
  submitRun(input: $input) {
    run {
      id state kind priority submittedAt scheduledFor labels params
      project { name } job { name }
    }
    replayed userErrors { code path message hint }
  }
}`;
const RUN = `query ($id: ID!) { run(id: $id) {
  id state kind priority submittedAt labels params reason jobVersion cursor
  project { name } job { name version } waitingFor { kind text hint }
  attempts { number } events { nodes { type } } log { text }
} }`;

describe('a gateway', () => {
  it('makes a run of a seeded job and reads it back', async () => {
    const input = {
      project: 'demo',
      job: 'hello-shell',
      params: { city: 'Bern' },
      labels: { team: 'data' },
      priority: 3,
    };
    const { run, userErrors } = await gateway.get<{
      run: Record<string, unknown>;
      userErrors: unknown[];
    }>(SUBMIT, { input });
    expect(userErrors).toEqual([]);
    expect(run).toMatchObject({
      state: 'SCHEDULED',
      kind: 'SHELL',
      priority: 3,
      labels: { team: 'data' },
      params: { city: 'Bern' },
      project: { name: 'demo' },
      job: { name: 'hello-shell' },
    });
    const read = await gateway.get(RUN, { id: run['id'] });
    expect(read).toMatchObject({
      id: run['id'],
      state: 'SCHEDULED',
      submittedAt: run['submittedAt'],
      params: { city: 'Bern' },
      labels: { team: 'data' },
      jobVersion: 1,
      job: { name: 'hello-shell', version: 1 },
      waitingFor: [{ kind: 'NOT_TAKEN_IN' }],
      attempts: [],
      events: { nodes: [] },
      log: { text: '' },
    });
  });
});
