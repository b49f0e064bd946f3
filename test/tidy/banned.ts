import ts from 'typescript';
import { isTest, lineOf, parse, visit } from './source.js';
import type { Finding, Source } from './source.js';

/** One ban: what must not stand there, where that holds, and what to write instead. */
export interface Ban {
  readonly rule: string;
  readonly applies: (path: string) => boolean;
  /** What is banned about this node, in the words of the code; undefined when nothing is. */
  readonly finds: (node: ts.Node) => string | undefined;
  readonly use: string;
}

const isCore = (path: string): boolean => path.startsWith('libs/core/') && !isTest(path);
const isConfigFile = (path: string): boolean => /(^|\/)[\w.-]+\.config\.ts$/.test(path);
const everywhere = (): boolean => true;

const readsEnvironment = /^(libs\/config|tools|test|bench)\//;
const impureGlobals: ReadonlySet<string> = new Set([
  ...['Promise', 'crypto', 'process', 'fetch', 'performance', 'queueMicrotask'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'console'],
]);
// An update counts once an assignment follows, so that prose about "update the set" does not.
const sqlWrites: readonly RegExp[] = [
  /\binsert\s+into\b/i,
  /\bdelete\s+from\b/i,
  /\bupdate\s+[\w."$(){}]+(\s+(as\s+)?\w+)?\s+set(\s[^=]{0,80}(=|\$\{)|\s*['"`]$)/i,
];

export const bans: readonly Ban[] = [
  {
    rule: 'pure-core',
    applies: isCore,
    finds: impurity,
    use: 'a value that the caller passes in (time, randomness, ids), and return what to do',
  },
  {
    rule: 'one-reader-of-env',
    applies: (path) => !readsEnvironment.test(path) && !isTest(path) && !isConfigFile(path),
    finds: (node) => (isProperty(node, 'process', 'env') ? 'process.env' : undefined),
    use: 'loadSettings of #config, and pass the setting in',
  },
  {
    rule: 'sql-writes-in-postgres',
    applies: (path) => !/^(libs\/postgres|test\/tidy)\//.test(path),
    finds: (node) => {
      if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return undefined;
      const matches = sqlWrites.map((shape) => shape.exec(node.getText())?.[0]);
      return matches.find((match) => match !== undefined)?.replaceAll(/\s+/g, ' ');
    },
    use: 'a function of #postgres, where every write is fenced and its plan was looked at',
  },
  {
    rule: 'no-any',
    applies: everywhere,
    finds: (node) => (node.kind === ts.SyntaxKind.AnyKeyword ? 'any' : undefined),
    use: 'unknown, and narrow it',
  },
  {
    rule: 'no-export-star',
    applies: everywhere,
    finds: (node) => {
      if (!ts.isExportDeclaration(node) || node.moduleSpecifier === undefined) return undefined;
      const named = node.exportClause !== undefined && ts.isNamedExports(node.exportClause);
      return named ? undefined : 'export *';
    },
    use: 'named re-exports, so that the index says what the lib shows',
  },
  {
    rule: 'no-default-export',
    applies: (path) => !isConfigFile(path),
    finds: (node) => {
      if (ts.isExportAssignment(node)) return 'export default';
      const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
      const isDefault = modifiers?.some((each) => each.kind === ts.SyntaxKind.DefaultKeyword);
      return isDefault === true ? 'export default' : undefined;
    },
    use: 'a named export',
  },
  {
    rule: 'no-enum',
    applies: everywhere,
    finds: (node) => (ts.isEnumDeclaration(node) ? `enum ${node.name.text}` : undefined),
    use: 'a union of string literals',
  },
  {
    rule: 'no-sleep-in-tests',
    applies: isTest,
    finds: sleep,
    use: 'a manual clock, a test signal, or until(condition) with a bound',
  },
  {
    rule: 'no-skipped-tests',
    applies: isTest,
    finds: (node) => {
      if (!ts.isPropertyAccessExpression(node)) return undefined;
      const text = node.getText().replaceAll(/\s/g, '');
      return /^(it|test|describe|suite)(\.\w+)*\.(skip|only|todo)$/.test(text) ? text : undefined;
    },
    use: 'a test that runs, or none',
  },
];

const silencers = /@ts-(ignore|nocheck|expect-error)|(eslint|oxlint|biome)-(disable|ignore)[\w-]*/g;

export function checkBans(
  sources: readonly Source[],
  chosen: readonly Ban[] = bans,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const source of sources) {
    const { path } = source;
    const here = chosen.filter((ban) => ban.applies(path));
    const file = parse(source);
    visit(file, (node) => {
      for (const { rule, finds, use } of here) {
        const found = finds(node);
        if (found === undefined) continue;
        const line = lineOf(file, node.getStart());
        findings.push({ rule, path, line, message: `${found} is banned, use ${use}` });
      }
    });
    findings.push(...checkSilencers(file, path));
  }
  return findings;
}

/** Comments are no nodes, so they are searched in the text with every literal blanked out. */
function checkSilencers(file: ts.SourceFile, path: string): readonly Finding[] {
  let text = file.text;
  visit(file, (node) => {
    const isText = ts.isStringLiteralLike(node) || ts.isRegularExpressionLiteral(node);
    if (!isText && !ts.isTemplateExpression(node) && !ts.isJsxText(node)) return;
    const blank = ' '.repeat(node.getEnd() - node.getStart());
    text = text.slice(0, node.getStart()) + blank + text.slice(node.getEnd());
  });
  const findings: Finding[] = [];
  for (const match of text.matchAll(silencers)) {
    const message = `${match[0]} is banned, use a mend of what the tool found`;
    findings.push({ rule: 'no-silencing', path, line: lineOf(file, match.index), message });
  }
  return findings;
}

function impurity(node: ts.Node): string | undefined {
  if (isProperty(node, 'Date', 'now')) return 'Date.now';
  if (isProperty(node, 'Math', 'random')) return 'Math.random';
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? 'new Date()' : undefined;
  }
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return 'Date()';
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (ts.isAwaitExpression(node)) return 'await';
  if (!ts.isIdentifier(node) || !impureGlobals.has(node.text)) return undefined;
  return isOwnName(node) ? undefined : node.text;
}

/** A field or method may be called `process`; only the global of that name is impure. */
function isOwnName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.name === node && parent.expression.getText() !== 'globalThis';
  }
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

function isProperty(node: ts.Node, object: string, name: string): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === name && endsIn(node.expression, object);
  }
  if (ts.isElementAccessExpression(node)) {
    const key = node.argumentExpression;
    return ts.isStringLiteralLike(key) && key.text === name && endsIn(node.expression, object);
  }
  return false;
}

function endsIn(node: ts.Expression, object: string): boolean {
  const text = node.getText();
  return text === object || text === `globalThis.${object}`;
}

/** The import is banned beside the call, because under another name it would hide the call. */
function sleep(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node) && ts.isImportDeclaration(node.parent)) {
    return /^(node:)?timers(\/promises)?$/.test(node.text) ? node.text : undefined;
  }
  if (!ts.isCallExpression(node)) return undefined;
  const callee = /^(?:globalThis\.)?(setTimeout|setInterval|sleep|delay)$/;
  return callee.exec(node.expression.getText())?.[1];
}
