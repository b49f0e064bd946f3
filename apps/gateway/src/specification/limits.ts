import type { Fields } from './fields.js';

const KIB = 1_024;
const BYTES_MIN = 64 * KIB;
const BYTES_MAX = KIB ** 3;
const UNITS: Readonly<Record<string, number>> = { kb: KIB, mb: KIB ** 2, gb: KIB ** 3 };
const SIZE = /^(\d{1,10}(?:\.\d{1,3})?)\s*(kb|mb|gb|kib|mib|gib)$/i;

/** In the largest unit of which it has a whole number. */
export function formatSize(bytes: number): string {
  const fits = Object.entries(UNITS).findLast(([, unit]) => bytes % unit === 0);
  const [name, unit] = fits ?? ['kb', KIB];
  return `${bytes / unit}${name.toUpperCase()}`;
}

/** What is kept of the log of an attempt, in bytes; null when nothing is said. */
export function readOutputBytesMax(fields: Fields): number | null {
  const limits = fields.nested('limits');
  limits?.only(['output'], new Set(['memory', 'cpu', 'files']));
  if (limits === undefined || !limits.has('output')) return null;
  const value = limits.value('output');
  const [, count = '', unit = ''] = SIZE.exec(typeof value === 'string' ? value : '') ?? [];
  const bytes = Math.round(Number(count) * (UNITS[unit.toLowerCase().replace('i', '')] ?? 0));
  if (bytes >= BYTES_MIN && bytes <= BYTES_MAX) return bytes;
  const message = 'output must be a size from 64KB to 1GB, written like 500KB, 10MB or 1GB.';
  limits.refuse('output', 'INVALID_VALUE', message);
  return null;
}
