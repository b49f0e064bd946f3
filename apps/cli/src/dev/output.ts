import { StringDecoder } from 'node:string_decoder';
import type { LogFile } from './log-file.js';

const LINE_LENGTH_MAX = 64 * 1024;
const SHOWN_LENGTH_MAX = 300;
/** The terminal stays one screen: a role complains once in this time, the file has the rest. */
const GAP_MS = 5_000;

export interface Output {
  take(chunk: Buffer): void;
}

/** Everything goes to the file; what is an error goes to `tell` as well, and not too often. */
export function createOutput(file: LogFile, tell: (text: string) => void): Output {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  let silent = 0;
  const see = (line: string): void => {
    const text = errorIn(line);
    if (text === undefined) return;
    const now = performance.now();
    if (now - toldAt < GAP_MS) {
      silent += 1;
      return;
    }
    toldAt = now;
    tell(silent > 0 ? `${text} (and ${silent} more errors in the log)` : text);
    silent = 0;
  };
  return {
    take(chunk) {
      file.write(chunk);
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = (lines.pop() ?? '').slice(-LINE_LENGTH_MAX);
      for (const line of lines) see(line);
    },
  };
}

/** The message of an error line of ours, or the head of an uncaught error's trace. */
export function errorIn(line: string): string | undefined {
  if (line.startsWith('{')) {
    try {
      const event: unknown = JSON.parse(line);
      const { level, message } = event as { readonly level?: unknown; readonly message?: unknown };
      if (level === 'error' || level === 'fatal') return shorten(String(message));
      return undefined;
    } catch {
      return undefined;
    }
  }
  return /^(Uncaught )?\w*Error\b/.test(line) ? shorten(line) : undefined;
}

const shorten = (text: string): string => text.slice(0, SHOWN_LENGTH_MAX);
