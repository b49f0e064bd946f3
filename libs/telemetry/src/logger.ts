import { inspect } from 'node:util';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'pretty';
export type LogFields = Readonly<Record<string, unknown>>;
export type Log = (message: string, fields?: LogFields) => void;
export type Logger = { readonly [Level in LogLevel]: Log };

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Which process speaks: gateway, scheduler, executor, cli, and the thread where it matters. */
  readonly role: string;
  /** Takes one whole line with its end. Default: stderr, because stdout belongs to results. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

interface LogEvent {
  readonly time: Date;
  readonly level: LogLevel;
  readonly role: string;
  readonly message: string;
  readonly fields: LogFields;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 };
const reserved: ReadonlySet<string> = new Set(['time', 'level', 'role', 'message']);
const causesMax = 5;

export function createLogger(options: LoggerOptions): Logger {
  const { level: least, format, role } = options;
  const write = options.write ?? writeToStderr;
  const now = options.now ?? (() => new Date());
  const render = format === 'json' ? asJson : asText;
  const at = (level: LogLevel): Log => {
    if (rank[level] < rank[least]) return () => {};
    return (message, fields = {}) => {
      write(`${render({ time: now(), level, role, message, fields })}\n`);
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function writeToStderr(line: string): void {
  process.stderr.write(line);
}

/** One line of JSON. A log call must never be what brings a process down, so nothing throws. */
function asJson({ time, level, role, message, fields }: LogEvent): string {
  const line: Record<string, unknown> = { time: time.toISOString(), level, role, message };
  for (const [key, value] of Object.entries(fields)) {
    line[reserved.has(key) ? `${key}_` : key] = value;
  }
  try {
    return JSON.stringify(line, plain);
  } catch {
    // A cycle or a getter that throws: say what can be said, in a shape that still parses.
    return JSON.stringify({
      time: time.toISOString(),
      level,
      role,
      message,
      fields: shown(fields),
    });
  }
}

function asText({ time, level, role, message, fields }: LogEvent): string {
  const head = `${time.toISOString().slice(11, 23)} ${level.padEnd(5)} ${role}: ${message}`;
  const pairs: string[] = [];
  const stacks: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) {
      pairs.push(`${key}=${shown(`${value.name}: ${value.message}`)}`);
      stacks.push(value.stack ?? '');
    } else {
      pairs.push(`${key}=${typeof value === 'string' ? quoted(value) : shown(value)}`);
    }
  }
  const line = [head, ...pairs].join(' ');
  return [line, ...stacks.filter((stack) => stack !== '')].join('\n');
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return describeError(value, causesMax);
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Class, message and stack are not enumerable on an Error: JSON alone would write `{}`. */
function describeError(error: Error, causesLeft: number): LogFields {
  return {
    class: error.constructor.name,
    message: error.message,
    stack: error.stack,
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause instanceof Error && causesLeft > 0
      ? { cause: describeError(error.cause, causesLeft - 1) }
      : {}),
  };
}

function quoted(value: string): string {
  return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}

function shown(value: unknown): string {
  return inspect(value, { depth: 3, breakLength: Infinity });
}
