import { randomUUID } from 'node:crypto';
import { createExecutor } from '#executor';
import { Writer } from './writer.mjs';

/**
 * An executor whose handler puts down what it does: its start before all else, its end before it
 * answers. It fails the first `fail` attempts; with `never` it asks for no other one.
 */
const { HAND_MQTT, HAND_HOME: directory, HAND_FILE, HAND_ID: id, HAND_BEAT_MS } = process.env;
const jobs = new Writer(HAND_FILE);
const { pid } = process;

const work = async ({ ms = 0, fail = 0, never = false } = {}, { runId: run, attempt, signal }) => {
  await jobs.written({ what: 'start', run, attempt, pid, at: Date.now() });
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  const nonce = randomUUID();
  const ok = attempt > fail && !never && !signal.aborted;
  await jobs.written({ what: 'end', run, attempt, pid, at: Date.now(), ok, nonce });
  if (ok) return { nonce };
  const error = new Error(signal.aborted ? 'told to stop' : 'as it was asked');
  throw never ? Object.assign(error, { retry: 'never' }) : error;
};

const executor = createExecutor({
  ...{ mqttUrl: HAND_MQTT, directory, id, slots: 40, handlers: { work } },
  beatMs: Number(HAND_BEAT_MS),
});
await executor.start();
process.once('SIGTERM', () => void executor.stop({ drainMs: 0 }).then(() => process.exit(0)));
process.once('disconnect', () => process.exit(0));
