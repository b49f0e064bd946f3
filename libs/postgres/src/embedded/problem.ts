/** Something a person can put right: one sentence with the value and what to do, never a stack. */
export class EmbeddedProblem extends Error {
  override readonly name = 'EmbeddedProblem';
}

/** The part of a logger that the launcher needs; `createLogger` of #telemetry fits. */
export interface EmbeddedLog {
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
