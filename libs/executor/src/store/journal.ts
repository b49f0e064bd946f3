import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { LedgerRecord } from '#core';

/**
 * The executor's memory on disk: one line a turn, `<crc32> <JSON array of records>`, each line
 * written and synced before the next is begun. So only the last line may be torn by a crash, and
 * then nothing that followed from it was said; a broken line with a good one behind it is damage.
 */
export interface ReadJournal {
  readonly records: readonly LedgerRecord[];
  /** The file is not what we wrote: it was set aside, and this executor has lost its disk. */
  readonly damaged: boolean;
}

const CRC_DIGITS = 8;
/** A rewrite pays when the journal is this long and mostly history. */
const REWRITE_BYTES_MIN = 4 * 1024 * 1024;
const REWRITE_FACTOR = 4;
/** A snapshot is written in lines of about this many records. */
const RECORDS_A_LINE = 256;

export class Journal {
  private handle: FileHandle | undefined;
  private bytes = 0;
  private snapshotBytes = 0;
  private broken = false;

  constructor(private readonly file: string) {}

  /** Whether the next write had better be a `rewrite`. */
  get wantsRewrite(): boolean {
    if (this.broken || this.handle === undefined) return true;
    return this.bytes > Math.max(REWRITE_BYTES_MIN, this.snapshotBytes * REWRITE_FACTOR);
  }

  async read(): Promise<ReadJournal> {
    const content = await readFile(this.file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const read = content === undefined ? { records: [], damaged: false } : parseJournal(content);
    if (read.damaged && content !== undefined) await writeFile(`${this.file}.damaged`, content);
    return read;
  }

  /** On disk when the promise resolves. After a failure only a rewrite is trusted. */
  async append(records: readonly LedgerRecord[]): Promise<void> {
    const { handle } = this;
    if (handle === undefined || this.broken) throw new Error('the journal wants a rewrite first');
    const line = lineOf(records);
    try {
      await handle.appendFile(line);
      await handle.datasync();
    } catch (error) {
      this.broken = true;
      throw error;
    }
    this.bytes += line.length;
  }

  /** Puts a new file in the old one's place: whole, or not at all. */
  async rewrite(records: Iterable<LedgerRecord>): Promise<void> {
    const aside = `${this.file}.new`;
    // Taken in one turn: the caller's state moves on while we write.
    const lines = linesOf(records);
    const handle = await open(aside, 'w', 0o600);
    try {
      for (const line of lines) await handle.appendFile(line);
      await handle.datasync();
      await rename(aside, this.file);
      await syncDirectory(path.dirname(this.file));
    } catch (error) {
      await handle.close();
      throw error;
    }
    await this.handle?.close();
    this.handle = handle;
    this.broken = false;
    this.bytes = lines.reduce((sum, line) => sum + line.length, 0);
    this.snapshotBytes = this.bytes;
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }
}

function linesOf(records: Iterable<LedgerRecord>): readonly Buffer[] {
  const lines: Buffer[] = [];
  let some: LedgerRecord[] = [];
  for (const record of records) {
    some.push(record);
    if (some.length < RECORDS_A_LINE) continue;
    lines.push(lineOf(some));
    some = [];
  }
  if (some.length > 0) lines.push(lineOf(some));
  return lines;
}

function lineOf(records: readonly LedgerRecord[]): Buffer {
  const body = Buffer.from(JSON.stringify(records));
  const sum = crc32(body).toString(16).padStart(CRC_DIGITS, '0');
  return Buffer.concat([Buffer.from(`${sum} `), body, Buffer.from('\n')]);
}

export function parseJournal(content: Buffer): ReadJournal {
  const records: LedgerRecord[] = [];
  let isTorn = false;
  for (let from = 0; from < content.length; ) {
    const end = content.indexOf(0x0a, from);
    const line = end < 0 ? undefined : parseLine(content.subarray(from, end));
    if (line === undefined) isTorn = true;
    else if (isTorn) return { records: [], damaged: true };
    else records.push(...line);
    if (end < 0) break;
    from = end + 1;
  }
  return { records, damaged: false };
}

function parseLine(line: Buffer): readonly LedgerRecord[] | undefined {
  const body = line.subarray(CRC_DIGITS + 1);
  const sum = line.subarray(0, CRC_DIGITS + 1).toString('latin1');
  if (!/^[0-9a-f]{8} $/.test(sum) || crc32(body) !== Number.parseInt(sum, 16)) return undefined;
  return JSON.parse(body.toString()) as readonly LedgerRecord[];
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
