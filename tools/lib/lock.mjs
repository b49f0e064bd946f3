import fs from 'fs';
import { hostname } from 'os';
import { dirname, join } from 'path';
import { ToolError } from './places.mjs';

const waitMs = 50;
const waitMsMax = 15 * 60 * 1000;
// An owner file is written right after the folder; without one for this long, its maker died.
const ownerlessMsMax = 5 * 1000;
// On another machine or in another container a pid says nothing, so only age is left.
const foreignMsMax = 10 * 60 * 1000;
const sayAfterMs = 1000;

/**
 * Runs `work` while holding the lock folder. mkdir is atomic on every file system, and the owner's
 * pid (with its start time, as pids are used again) shows whether a lock was left by a crash.
 */
export function withLock(lock, say, work) {
  acquire(lock, say);
  // A tool that calls process.exit inside `work` must not leave its lock behind.
  const release = () => fs.rmSync(lock, { recursive: true, force: true });
  process.once('exit', release);
  try {
    return work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function acquire(lock, say) {
  const startMs = Date.now();
  let said = false;
  fs.mkdirSync(dirname(lock), { recursive: true });
  while (!tryMake(lock)) {
    const waitedMs = Date.now() - startMs;
    if (breakIfStale(lock)) continue;
    if (waitedMs > sayAfterMs && !said) {
      said = true;
      say(`Waiting for another preparation (process ${readOwner(lock).pid || 'unknown'})…`);
    }
    if (waitedMs > waitMsMax) {
      throw new ToolError(`Gave up waiting for another preparation; if none runs, remove ${lock}`);
    }
    pause(waitMs);
  }
}

function tryMake(lock) {
  try {
    fs.mkdirSync(lock);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  // Renamed into place, so that no reader meets half of it.
  const owner = { pid: process.pid, host: hostname(), started: startTime(process.pid) };
  fs.writeFileSync(join(lock, 'owner.new'), JSON.stringify(owner));
  fs.renameSync(join(lock, 'owner.new'), join(lock, 'owner'));
  return true;
}

/**
 * Two waiters may both judge a lock stale, and the slower one must not remove the quicker one's
 * new lock: so judging and removing happen under a lock of their own, held for microseconds.
 */
function breakIfStale(lock) {
  if (!isStale(lock)) return false;
  const breaker = `${lock}.break`;
  try {
    fs.mkdirSync(breaker);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (ageMs(breaker) > ownerlessMsMax) fs.rmSync(breaker, { recursive: true, force: true });
    return false;
  }
  try {
    if (!isStale(lock)) return false;
    fs.rmSync(lock, { recursive: true, force: true });
    return true;
  } finally {
    fs.rmSync(breaker, { recursive: true, force: true });
  }
}

function isStale(lock) {
  const owner = readOwner(lock);
  if (owner.pid === undefined) return ageMs(lock) > ownerlessMsMax;
  if (owner.host !== hostname()) return ageMs(lock) > foreignMsMax;
  if (!isAlive(owner.pid)) return true;
  return owner.started !== '' && owner.started !== startTime(owner.pid);
}

function readOwner(lock) {
  try {
    return JSON.parse(fs.readFileSync(join(lock, 'owner'), 'utf8'));
  } catch {
    return {};
  }
}

function ageMs(path) {
  try {
    return Date.now() - fs.statSync(path).mtimeMs;
  } catch {
    // Gone meanwhile: not stale, just free.
    return 0;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Start time in clock ticks since boot, where the system tells; '' elsewhere. */
function startTime(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return '';
  }
}

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
