import { type ArrayCell, binaryArray } from './binary-array.js';
import { ITEM_SEPARATOR, NULL_ITEM } from './functions/separators.js';

const REPLACEMENT = '\ufffd';

export type Parameter = string | number | Buffer | null;
type Cell = string | number | boolean | null | undefined;

/**
 * Collects rows column by column and renders each column as one parameter: a binary array for
 * numbers and ids, a parted text for everything of variable length (see separators.ts). Names come
 * from the function's parameter table, so order cannot drift between SQL and here.
 */
export class Columns {
  private readonly cells = new Map<string, Cell[]>();

  constructor(private readonly parameters: readonly (readonly [string, string])[]) {
    for (const [name] of parameters) this.cells.set(name, []);
  }

  push(name: string, value: Cell): void {
    const column = this.cells.get(name);
    if (column === undefined) throw new Error(`no parameter ${name}`);
    column.push(value);
  }

  count(name: string): number {
    return this.cells.get(name)?.length ?? 0;
  }

  /** In the function's order; a column without cells is NULL, which skips its statement. */
  values(): Parameter[] {
    return this.parameters.map(([name, type]) => {
      const column = this.cells.get(name) ?? [];
      if (column.length === 0) return null;
      if (type.endsWith('[]')) return binaryArray(type, column as readonly ArrayCell[]);
      if (type === 'text') return partedText(column);
      const single = column[0];
      return typeof single === 'boolean' ? String(single) : (single ?? null);
    });
  }
}

function partedText(column: readonly Cell[]): string {
  let text = '';
  for (let i = 0; i < column.length; i++) {
    const cell = column[i];
    if (i > 0) text += ITEM_SEPARATOR;
    text += cell === null || cell === undefined ? NULL_ITEM : whole(String(cell));
  }
  return text;
}

/** No text may part its column or stand for NULL: else the rows behind it got each other's. */
function whole(text: string): string {
  if (text === NULL_ITEM) return REPLACEMENT;
  return text.includes(ITEM_SEPARATOR) ? text.replaceAll(ITEM_SEPARATOR, REPLACEMENT) : text;
}

/** `select * from f($1::int2[], …)`: types are stated, so a named statement plans the same. */
export function callText(name: string, parameters: readonly (readonly [string, string])[]): string {
  const list = parameters.map(([, type], i) => `$${i + 1}::${type}`);
  return `select * from ${name}(${list.join(', ')})`;
}
