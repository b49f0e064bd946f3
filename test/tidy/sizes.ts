import ts from 'typescript';
import { isTest, lineOf, parse, visit } from './source.js';
import type { Finding, Source } from './source.js';

/** Files that are too long already, with their length: they may shrink and never grow. */
export type Ratchet = Readonly<Record<string, number>>;

const fileLines = 300;
const fileLinesMax = 700;
const functionLinesMax = 70;
const columnsMax = 100;
const ratchetFile = 'test/tidy/ratchet.json';

export function checkFileLength(sources: readonly Source[], ratchet: Ratchet): readonly Finding[] {
  const findings: Finding[] = [];
  const add = (path: string, message: string): void => {
    findings.push({ rule: 'file-length', path, line: 0, message });
  };
  const lengths = new Map(sources.map(({ path, text }) => [path, linesOf(text).length]));
  for (const [path, lines] of lengths) {
    const allowed = ratchet[path];
    if (lines > fileLinesMax) {
      add(path, `${lines} lines is past the end of a file (${fileLinesMax}); split it by noun`);
    } else if (lines > fileLines && allowed === undefined) {
      add(
        path,
        `${lines} lines is banned, use at most ${fileLines}: split it by noun, ` +
          `or add "${path}": ${lines} to ${ratchetFile} and say why to the reviewer`,
      );
    } else if (allowed !== undefined && lines > allowed) {
      add(path, `grew from ${allowed} to ${lines} lines; a file in ${ratchetFile} only shrinks`);
    }
  }
  for (const [path, allowed] of Object.entries(ratchet)) {
    const lines = lengths.get(path);
    if (lines === undefined || lines <= fileLines) {
      add(path, `is short or gone by now; remove it from ${ratchetFile}`);
    } else if (lines < allowed) {
      add(path, `shrank to ${lines} lines; write ${lines} instead of ${allowed} in ${ratchetFile}`);
    }
  }
  return findings;
}

export function checkFunctionLength(sources: readonly Source[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const source of sources) {
    const file = parse(source);
    visit(file, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
      if (isTest(source.path) && isSuite(node)) return;
      const first = lineOf(file, node.getStart());
      const lines = lineOf(file, node.getEnd()) - first + 1;
      if (lines <= functionLinesMax) return;
      const message =
        `${nameOf(node)} has ${lines} lines; more than ${functionLinesMax} is banned, ` +
        'use a parent that decides and leaves that do';
      findings.push({ rule: 'function-length', path: source.path, line: first, message });
    });
  }
  return findings;
}

/** The function of a `describe` is a heading over its tests, not a piece of logic. */
function isSuite(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && /^(describe|suite)\b/.test(call.expression.getText());
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const own = node.name?.getText();
  if (own !== undefined) return own;
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : 'a function';
}

export function checkLineLength(sources: readonly Source[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of sources) {
    for (const [index, line] of linesOf(text).entries()) {
      const columns = Array.from(line).length;
      if (columns <= columnsMax) continue;
      const message = `${columns} columns is banned, use at most ${columnsMax}: break the line`;
      findings.push({ rule: 'line-length', path, line: index + 1, message });
    }
  }
  return findings;
}

function linesOf(text: string): readonly string[] {
  return text.replace(/\n$/, '').split('\n');
}
