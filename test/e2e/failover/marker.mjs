import fs from 'node:fs';
import { createExecutor } from '#executor';

/** An executor whose handler says in a file that it has begun: `run attempt`, one line a start. */
const { MQTT_URL: mqttUrl, MARKER_HOME: directory, MARKER_FILE: file, MARKER_ID: id } = process.env;
const mark = async ({ ms = 0 } = {}, { runId, attempt }) => {
  fs.appendFileSync(file, `${runId} ${attempt}\n`);
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  return null;
};
const executor = createExecutor({ mqttUrl, directory, id, slots: 120, handlers: { mark } });
await executor.start();
process.send({ started: true });
process.once('SIGTERM', () => void executor.stop({ drainMs: 0 }).then(() => process.exit(0)));
process.once('disconnect', () => process.exit(0));
