import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A file as the rules see it: its path from the root with forward slashes, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly rule: string;
  readonly path: string;
  /** Counted from 1; 0 speaks of the whole file. */
  readonly line: number;
  /** What is wrong and what to use instead. */
  readonly message: string;
}

export const root = join(import.meta.dirname, '..', '..');

const leftOut = /(^|\/)(node_modules|dist|coverage|\.cache)$/;
const generated = /\.generated\.|(^|\/)generated\//;

/** Source files below the folders, sorted, so that findings come in the same order everywhere. */
export function readSources(folders: readonly string[], endings: RegExp): readonly Source[] {
  const sources: Source[] = [];
  for (const folder of folders) {
    for (const path of list(folder)) {
      if (!endings.test(path) || generated.test(path)) continue;
      sources.push({ path, text: readFileSync(join(root, path), 'utf8') });
    }
  }
  return sources;
}

function list(folder: string): readonly string[] {
  if (leftOut.test(folder)) return [];
  const found: string[] = [];
  for (const entry of entriesOf(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...list(path));
    else if (entry.isFile()) found.push(path);
  }
  return found.toSorted();
}

function entriesOf(folder: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(folder);
  } catch {
    // A folder is made when something lives in it; until then it has no files.
    return [];
  }
}

function readEntries(folder: string) {
  return readdirSync(join(root, folder), { withFileTypes: true });
}

export function isTest(path: string): boolean {
  return /\.(test|e2e)\.tsx?$/.test(path);
}

/** Several rules read the same tree; parsing is nearly all of what they cost. */
const parsed = new WeakMap<Source, ts.SourceFile>();

export function parse(source: Source): ts.SourceFile {
  const { path, text } = source;
  const known = parsed.get(source);
  if (known !== undefined) return known;
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, kind);
  parsed.set(source, file);
  return file;
}

export function lineOf(file: ts.SourceFile, position: number): number {
  return file.getLineAndCharacterOfPosition(position).line + 1;
}

/** Every node of a file, parents before children. */
export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/** One line a finding: what a failing test shows. Empty when all is well. */
export function report(findings: readonly Finding[]): string {
  return findings
    .map(({ rule, path, line, message }) => {
      const place = line === 0 ? path : `${path}:${line}`;
      return `[${rule}] ${place}: ${message}`;
    })
    .join('\n');
}
