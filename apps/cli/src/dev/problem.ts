/** Something a person can put right: one sentence with the value and what to do. */
export class DevProblem extends Error {
  override readonly name = 'DevProblem';
}

/** The terminal's log; `createLogger` of #telemetry fits. */
export interface DevLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
