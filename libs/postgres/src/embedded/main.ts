import { tellParent } from '#process';
import { EmbeddedProblem, messageOf, type EmbeddedLog } from './problem.js';
import { type EmbeddedServer, startEmbedded } from './start.js';

/**
 * The role `postgres`: node main.js '{"directory": "…", "port": 0}'.
 * Reports {ready: true, url, pid, port} or {ready: false, problem} to its parent; ends when the
 * server ends (with 1, unless asked); stops the server on SIGTERM, SIGINT and a lost parent.
 */
interface Arguments {
  readonly directory: string;
  readonly port?: number;
  readonly settings?: Readonly<Record<string, string>>;
}

function parseArguments(text: string | undefined): Arguments {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    value = undefined;
  }
  const given = value as Partial<Arguments> | null | undefined;
  if (typeof given?.directory !== 'string') {
    throw new EmbeddedProblem(
      'The role postgres was started without {"directory"}: give it as JSON in its first argument.',
    );
  }
  return { ...given, directory: given.directory };
}

function writeLine(
  level: string,
  message: string,
  fields?: Readonly<Record<string, unknown>>,
): void {
  const line = { time: new Date().toISOString(), level, role: 'postgres', message, ...fields };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const log: EmbeddedLog = {
  debug: () => undefined,
  info: (message, fields) => writeLine('info', message, fields),
  warn: (message, fields) => writeLine('warn', message, fields),
  error: (message, fields) => writeLine('error', message, fields),
};

async function main(): Promise<number> {
  // The pipe ends with the parent, and that is when the server must still be stopped.
  process.stdout.on('error', () => undefined);
  let asked = false;
  let server: EmbeddedServer | undefined;
  const stop = (): void => {
    asked = true;
    server?.stop().catch((error: unknown) => log.error('stop failed', { error: messageOf(error) }));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('disconnect', stop);
  server = await startEmbedded({ ...parseArguments(process.argv[2]), log });
  if (asked) await server.stop();
  else await tellParent({ ready: true, url: server.url, pid: server.pid, port: server.port });
  await server.exited;
  if (!asked) log.error('PostgreSQL ended by itself', { pid: server.pid });
  return asked ? 0 : 1;
}

async function fail(error: unknown): Promise<number> {
  const known = error instanceof EmbeddedProblem;
  const problem = known ? error.message : `PostgreSQL did not start: ${messageOf(error)}.`;
  const stack = known || !(error instanceof Error) ? undefined : error.stack;
  log.error(problem, { stack });
  await tellParent({ ready: false, problem });
  return 1;
}

process.exit(await main().catch(fail));
