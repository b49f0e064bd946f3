import { nearest } from '#config';
import type { Fields } from './fields.js';

export const DEFAULT_PRIORITY = 5;
const NAMED: Readonly<Record<string, number>> = { critical: 1, high: 3, normal: 5, low: 8 };

/** 1 is the most urgent, 10 the least. */
export function readPriority(fields: Fields, name: string): number | undefined {
  const value = fields.value(name);
  if (typeof value !== 'string') return fields.number(name, 1, 10);
  const named = NAMED[value.toLowerCase()];
  if (named !== undefined) return named;
  const names = Object.keys(NAMED);
  const meant = nearest(value, names);
  const message = `${name} must be from 1 to 10, or one of ${names.join(', ')}.`;
  const hint = meant === undefined ? null : `Did you mean ${meant}?`;
  fields.refuse(name, 'INVALID_VALUE', message, hint);
  return undefined;
}
