import { posix } from 'node:path';
import ts from 'typescript';
import { lineOf, parse, visit } from './source.js';
import type { Source } from './source.js';

export interface Import {
  readonly from: string;
  readonly line: number;
  /** True for `import type`, and when each name is marked `type`. */
  readonly typesOnly: boolean;
  /** The names taken; empty for a side effect, a namespace or `import()`. */
  readonly names: readonly string[];
}

/** Everything that one file reaches for: imports, re-exports, import(), require, new URL. */
export function importsOf(source: Source): readonly Import[] {
  const file = parse(source);
  const found: Import[] = [];
  visit(file, (node) => {
    const from = specifierOf(node);
    if (from === undefined) return;
    const { names, typesOnly } = takenBy(node);
    found.push({ from, names, typesOnly, line: lineOf(file, node.getStart()) });
  });
  return found;
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? textOf(node.argument.literal) : undefined;
  }
  if (ts.isCallExpression(node)) {
    const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
    if (isImport || isRequire) return textOf(node.arguments[0]);
  }
  return urlOf(node);
}

/**
 * `new URL('./worker.js', import.meta.url)`, or a helper that is given the same two, names a file
 * for a thread or a process to start from: an import in effect.
 */
function urlOf(node: ts.Node): string | undefined {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined;
  const given = node.arguments ?? [];
  if (!given.some((each) => each.getText() === 'import.meta.url')) return undefined;
  return given.map(textOf).find((text) => text?.startsWith('.'));
}

function textOf(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function takenBy(node: ts.Node): Pick<Import, 'names' | 'typesOnly'> {
  if (ts.isImportTypeNode(node)) return { names: [], typesOnly: true };
  if (ts.isExportDeclaration(node)) {
    const clause = node.exportClause;
    const each = clause !== undefined && ts.isNamedExports(clause) ? clause.elements : [];
    return summary(each, node.isTypeOnly);
  }
  if (!ts.isImportDeclaration(node)) return { names: [], typesOnly: false };
  const clause = node.importClause;
  const bindings = clause?.namedBindings;
  const each = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
  const whole = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return clause?.name === undefined ? summary(each, whole) : { names: [], typesOnly: whole };
}

function summary(
  each: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[],
  whole: boolean,
): Pick<Import, 'names' | 'typesOnly'> {
  const values = each.filter((one) => !one.isTypeOnly);
  return {
    names: values.map((one) => (one.propertyName ?? one.name).text),
    typesOnly: whole || (each.length > 0 && values.length === 0),
  };
}

/** The path that a relative import or a `#lib` means, as candidates; none for a package. */
export function targetsOf(path: string, from: string): readonly string[] {
  const lib = /^#([a-z-]+)$/.exec(from)?.[1];
  if (lib !== undefined) return [`libs/${lib}/src/index.ts`];
  if (!from.startsWith('.')) return [];
  const target = posix.join(posix.dirname(path), from);
  const base = target.replace(/\.jsx?$/, '');
  return [target, `${base}.ts`, `${base}.tsx`, `${base}/index.ts`];
}
