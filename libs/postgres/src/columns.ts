import { BinaryArray } from './binary-array.js';
import { ITEM_SEPARATOR, NULL_ITEM } from './functions/separators.js';

const REPLACEMENT = '\ufffd';

export type Parameter = string | number | Buffer | null;
type Cell = string | number | boolean | null | undefined;

/** What is pushed into one parameter. */
interface Column {
  push(cell: Cell): void;
  /** Null as long as nothing was pushed, which skips the parameter's statement. */
  value(): Parameter;
}

/**
 * Collects rows column by column, each column as one parameter: a binary array for numbers and ids,
 * a parted text for everything of variable length (see separators.ts).
 */
export class Columns {
  private readonly columns: readonly Column[];

  constructor(parameters: readonly (readonly [string, string])[]) {
    this.columns = parameters.map(([, type]) => columnOf(type));
  }

  /** `at`: where the parameter stands, by `positions`. */
  push(at: number, cell: Cell): void {
    const column = this.columns[at];
    if (column === undefined) throw new Error(`no parameter ${at}`);
    column.push(cell);
  }

  /** In the function's order. */
  values(): Parameter[] {
    return this.columns.map((column) => column.value());
  }
}

function columnOf(type: string): Column {
  if (type.endsWith('[]')) return new BinaryArray(type);
  return type === 'text' ? new PartedText() : new Single();
}

class PartedText implements Column {
  private text: string | null = null;

  push(cell: Cell): void {
    const item = cell === null || cell === undefined ? NULL_ITEM : whole(String(cell));
    this.text = this.text === null ? item : this.text + ITEM_SEPARATOR + item;
  }

  value(): Parameter {
    return this.text;
  }
}

class Single implements Column {
  private cell: string | number | null = null;

  push(cell: Cell): void {
    this.cell = typeof cell === 'boolean' ? String(cell) : (cell ?? null);
  }

  value(): Parameter {
    return this.cell;
  }
}

/** Where each parameter of a function stands: a name that is none does not compile. */
export function positions<const P extends readonly (readonly [string, string])[]>(
  parameters: P,
): { readonly [Name in P[number][0]]: number } {
  return Object.fromEntries(parameters.map(([name], at) => [name, at])) as {
    [Name in P[number][0]]: number;
  };
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
