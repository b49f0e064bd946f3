import { tellParent } from '#process';
import { type BrokerLog, BrokerProblem, createBroker } from './broker.js';

/**
 * The role `broker`: node main.js '{"port": 0}'.
 * Reports {ready: true, url, port, pid} or {ready: false, problem} to its parent; ends with 0 on
 * SIGTERM, SIGINT and a lost parent.
 */
const PORT_MAX = 65_535;

function parsePort(text: string | undefined): number {
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  const port = (value as { readonly port?: unknown } | null)?.port ?? 0;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new BrokerProblem(
      `The broker's port is ${JSON.stringify(port)}: give one from 0 to ${PORT_MAX}.`,
    );
  }
  return port;
}

const write =
  (level: string) =>
  (message: string, fields?: Readonly<Record<string, unknown>>): void => {
    const line = { time: new Date().toISOString(), level, role: 'broker', message, ...fields };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };

const log: BrokerLog = { info: write('info'), warn: write('warn'), error: write('error') };

async function main(): Promise<number> {
  process.stdout.on('error', () => undefined); // the pipe ends with the parent
  const asked = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    process.once('disconnect', () => resolve());
  });
  const broker = createBroker({ port: parsePort(process.argv[2]), log });
  const address = await broker.start();
  log.info('the broker is ready', { ...address });
  await tellParent({ ready: true, ...address, pid: process.pid });
  await asked;
  await broker.stop();
  return 0;
}

async function fail(error: unknown): Promise<number> {
  const text = error instanceof Error ? error.message : String(error);
  const known = error instanceof BrokerProblem;
  const problem = known ? text : `The broker did not start: ${text}.`;
  const stack = known || !(error instanceof Error) ? undefined : error.stack;
  log.error(problem, { stack });
  await tellParent({ ready: false, problem });
  return 1;
}

process.exit(await main().catch(fail));
