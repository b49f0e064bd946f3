/**
 * Variable-length columns travel as one text, its items parted by RS, NULL written as US. JSON
 * texts and names never contain either raw, and PostgreSQL gets one string instead of an escaped
 * array.
 */
export const ITEM_SEPARATOR = '\u001e';
export const NULL_ITEM = '\u001f';

/** In SQL: the items of such a parameter; an empty one is one empty item, not none. */
export const items = (parameter: string): string =>
  `case ${parameter} when '' then array[''] ` +
  `else string_to_array(${parameter}, E'\\x1e', E'\\x1f') end`;
/** In SQL: a body, stored as bytes that PostgreSQL does not interpret. */
export const body = (column: string): string => `convert_to(${column}, 'UTF8')`;
/** In SQL: milliseconds since the epoch as a time. */
export const time = (column: string): string => `to_timestamp(${column} / 1000)`;
