import { lstatSync, readFileSync } from 'node:fs';
import type { Ending } from '#core';
import { RESULT_BYTES_MAX, endingWith, failed } from './runner.js';

/** What a job left at ORRERY_RESULT_FILE; undefined: nothing. */
export function readResult(file: string): Ending | undefined {
  let text: string;
  try {
    const stat = lstatSync(file);
    if (!stat.isFile()) return failed('RESULT_INVALID', 'ORRERY_RESULT_FILE is no plain file');
    if (stat.size > RESULT_BYTES_MAX) {
      const what = `ORRERY_RESULT_FILE is ${stat.size} bytes; at most ${RESULT_BYTES_MAX} are kept`;
      return failed('RESULT_INVALID', what);
    }
    text = readFileSync(file, 'utf8').trim();
  } catch {
    return undefined; // the job wrote none
  }
  if (!isJson(text)) return failed('RESULT_INVALID', 'ORRERY_RESULT_FILE holds no JSON');
  return endingWith(text, 'ORRERY_RESULT_FILE');
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
