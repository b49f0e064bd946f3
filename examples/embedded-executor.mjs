import { createExecutor } from '#executor';

const executor = createExecutor({
  mqttUrl: process.env.MQTT_URL,
  directory: process.env.EXECUTOR_DIRECTORY,
  id: 'reports-1',
  slots: 4,
  handlers: { greet: async ({ name }, { log }) => (log(`greeting ${name}`), `hello ${name}`) },
});
await executor.start();
process.once('SIGTERM', () => void executor.stop({ drainMs: 2_000 }));
