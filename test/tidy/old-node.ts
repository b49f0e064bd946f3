import ts from 'typescript';
import { lineOf, parse, visit } from './source.js';
import type { Finding, Source } from './source.js';

/**
 * An old Node gets one sentence that says what to install. It only gets there if every tool parses
 * and links on Node 14: newer syntax or a missing export fails before the first line runs.
 */
export function checkOldNode(sources: readonly Source[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const source of sources) {
    const file = parse(source);
    visit(file, (node) => {
      const found = tooNew(node);
      if (found === undefined) return;
      const line = lineOf(file, node.getStart());
      const message = `${found}: Node 14 must still parse and link the tools`;
      findings.push({ rule: 'old-node', path: source.path, line, message });
    });
  }
  return findings;
}

const assignments: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.QuestionQuestionEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
]);
const newerExports = /^(rm|rmSync|cp|cpSync|opendirSync|availableParallelism|styleText|parseArgs)$/;
const newerModules = /^(timers|stream|readline)\/promises$|^test$/;

function tooNew(node: ts.Node): string | undefined {
  if (assignments.has(node.kind)) return `${node.getText()} is banned, use = with ?? or ||`;
  if (ts.isClassStaticBlockDeclaration(node)) return 'a static block is banned, use a statement';
  if (ts.isPrivateIdentifier(node)) return `${node.text} is banned, use a closure`;
  if (ts.isAwaitExpression(node) && !isInFunction(node)) {
    return 'await outside of a function is banned, use then';
  }
  return ts.isImportDeclaration(node) ? newerImport(node) : undefined;
}

function newerImport(node: ts.ImportDeclaration): string | undefined {
  const from = ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : '';
  if (from.startsWith('node:')) return `'${from}' is banned, use '${from.slice('node:'.length)}'`;
  if (newerModules.test(from)) return `'${from}' is banned, use import() after prepare()`;
  const bindings = node.importClause?.namedBindings;
  if (bindings === undefined || !ts.isNamedImports(bindings) || from.startsWith('.')) {
    return undefined;
  }
  const newer = bindings.elements.find(({ name }) => newerExports.test(name.text));
  return newer && `{ ${newer.name.text} } of '${from}' is banned, use its default export`;
}

function isInFunction(node: ts.Node): boolean {
  return ts.findAncestor(node, ts.isFunctionLike) !== undefined;
}
