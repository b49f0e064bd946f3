import { stringifyJson } from '#protocol';

export const OUTPUT_FORMATS = ['table', 'json', 'ndjson'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Colours and moving lines only where a person looks. */
  readonly isTerminal: boolean;
}

export type Row = Readonly<Record<string, unknown>>;

/** Columns: a title, and what of a row stands there. */
export type Column<R> = readonly [title: string, cell: (row: R) => unknown];

export function renderTable<R>(rows: readonly R[], columns: readonly Column<R>[]): string {
  if (rows.length === 0) return 'nothing to show\n';
  const cells = rows.map((row) => columns.map(([, cell]) => plain(cell(row))));
  const widths = columns.map(([title], i) =>
    Math.max(title.length, ...cells.map((line) => (line[i] ?? '').length)),
  );
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => (i === values.length - 1 ? value : value.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(columns.map(([title]) => title)), ...cells.map(line), ''].join('\n');
}

/** `1 event`, `1,200 events` */
export const counted = (n: number, noun: string): string =>
  `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;

/** Names come from users: control characters never reach the terminal. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return '-';
  const text = typeof value === 'string' ? value : stringifyJson(value);
  return text.replaceAll(/\p{Cc}/gu, '?');
}

/** The sequences that colour a text. */
const COLOUR = /\p{Cc}\[[\d;]*m/gu;

/** A text of many lines, whose control characters do nothing on a terminal. */
export function inert(text: string): string {
  return text
    .replaceAll(COLOUR, '')
    .replaceAll(/\r\n/g, '\n')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '?');
}

export function renderList<R extends object>(
  rows: readonly R[],
  columns: readonly Column<R>[],
  format: OutputFormat,
): string {
  switch (format) {
    case 'json':
      return `${stringifyJson(rows, 2)}\n`;
    case 'ndjson':
      return rows.map((row) => `${stringifyJson(row)}\n`).join('');
    case 'table':
      return renderTable(rows, columns);
    default: {
      const never: never = format;
      return never;
    }
  }
}

export function renderOne(value: object, format: OutputFormat): string {
  if (format === 'json') return `${stringifyJson(value, 2)}\n`;
  if (format === 'ndjson') return `${stringifyJson(value)}\n`;
  const isThere = (v: unknown): boolean =>
    v !== null && v !== undefined && !(Array.isArray(v) && v.length === 0);
  const entries = Object.entries(value).filter(([, v]) => isThere(v));
  const width = Math.max(...entries.map(([key]) => key.length));
  return `${entries.map(([key, v]) => `${key.padEnd(width)}  ${plain(v)}`).join('\n')}\n`;
}
