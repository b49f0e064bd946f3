interface Asked<K, V> {
  readonly keys: Map<K, Promise<V | undefined>>;
  readonly answer: Promise<ReadonlyMap<K, V>>;
}

/**
 * Collects the keys that are asked for in one turn of the loop and reads them together. Nothing is
 * kept afterwards, so a subscription's next event reads anew.
 */
export class Batch<K, V> {
  private open: Asked<K, V> | undefined;

  constructor(
    private readonly read: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>,
    private readonly max = 1_000,
  ) {}

  load(key: K): Promise<V | undefined> {
    const open = (this.open ??= this.begin());
    let found = open.keys.get(key);
    if (found === undefined) {
      found = open.answer.then((values) => values.get(key));
      open.keys.set(key, found);
      if (open.keys.size >= this.max) this.open = undefined;
    }
    return found;
  }

  private begin(): Asked<K, V> {
    const keys = new Map<K, Promise<V | undefined>>();
    const answer = new Promise<ReadonlyMap<K, V>>((resolve, reject) => {
      // Resolvers of one level run in chained microtasks: a macrotask later all have asked.
      setImmediate(() => {
        if (this.open?.keys === keys) this.open = undefined;
        this.read([...keys.keys()]).then(resolve, reject);
      });
    });
    return { keys, answer };
  }
}

export function byKey<K, V>(rows: readonly V[], key: (row: V) => K): ReadonlyMap<K, V> {
  return new Map(rows.map((row) => [key(row), row]));
}
