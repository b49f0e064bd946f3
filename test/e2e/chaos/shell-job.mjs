import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { Writer } from './writer.mjs';

/** A job in a process of its own, which its executor may not outlive. */
const { ORRERY_RUN_ID: run, ORRERY_ATTEMPT, ORRERY_RESULT_FILE } = process.env;
const jobs = new Writer(process.argv[2]);
const attempt = Number(ORRERY_ATTEMPT);
const { pid } = process;
await jobs.written({ what: 'start', run, attempt, pid, at: Date.now() });
await new Promise((resolve) => setTimeout(resolve, 100));
const nonce = randomUUID();
fs.writeFileSync(ORRERY_RESULT_FILE, JSON.stringify({ nonce }));
await jobs.written({ what: 'end', run, attempt, pid, at: Date.now(), ok: true, nonce });
