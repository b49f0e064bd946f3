import { type Path, type UserError, userError } from '../graphql/schema/user-error.js';
import { isObject } from './fields.js';

export type Labels = Readonly<Record<string, string>>;

const LABELS_MAX = 64;
const KEY = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;
const VALUE_CHARS_MAX = 255;
/** PostgreSQL reads labels as jsonb when it filters by them, so nothing may be hard to read. */
const CONTROL = /[\p{Cc}\p{Surrogate}]/u;

export function readLabels(value: unknown, path: Path, errors: UserError[]): Labels {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) {
    errors.push(userError('INVALID_LABELS', path, 'Labels are an object of texts.'));
    return {};
  }
  const entries = Object.entries(value);
  if (entries.length > LABELS_MAX) {
    errors.push(userError('INVALID_LABELS', path, `There may be at most ${LABELS_MAX} labels.`));
    return {};
  }
  const labels: Record<string, string> = {};
  for (const [key, text] of entries) {
    if (!KEY.test(key)) {
      const message = 'A label is named by 1 to 63 letters, digits, dots, slashes or dashes.';
      errors.push(userError('INVALID_LABELS', [...path, key], message));
    } else if (typeof text !== 'string' || text.length > VALUE_CHARS_MAX || CONTROL.test(text)) {
      const message = `The value of a label is a text of at most ${VALUE_CHARS_MAX} characters.`;
      errors.push(userError('INVALID_LABELS', [...path, key], message));
    } else {
      labels[key] = text;
    }
  }
  return labels;
}
