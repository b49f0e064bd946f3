import { Connection } from '#postgres';

/** A connection that can be cut for good, as when its process dies or its network does. */
export class MortalConnection extends Connection {
  private isCut = false;

  cut(on = true): void {
    this.isCut = on;
  }

  override async query<R extends Record<string, unknown>>(
    ...given: Parameters<Connection['query']>
  ): Promise<R[]> {
    if (this.isCut) throw new Error('cut by the test');
    return await super.query<R>(...given);
  }
}
