import type { ExecutionResult } from 'graphql';
import { unmarkBigIntegers } from '#protocol';

/** A whole message of graphql-ws with a place of `MadeTexts` for its payload, and nothing else. */
const MADE = /"payload":\{"made":(\d+)\}\}$/;

/** The text of each result, made once for all sockets that are sent the same one. */
export class ResultTexts {
  private readonly known = new WeakMap<ExecutionResult, string>();

  constructor(private readonly format: (result: ExecutionResult) => object) {}

  of(result: ExecutionResult): string {
    let text = this.known.get(result);
    if (text === undefined) {
      text = unmarkBigIntegers(JSON.stringify(this.format(result)));
      this.known.set(result, text);
    }
    return text;
  }
}

/**
 * graphql-ws writes every message as JSON itself. What is a text already passes through it as a
 * number, and is put into its place as the message leaves the socket.
 */
export class MadeTexts {
  private readonly texts = new Map<number, string>();
  private newest = 0;

  put(text: string): { readonly made: number } {
    this.newest++;
    this.texts.set(this.newest, text);
    return { made: this.newest };
  }

  take(message: string): string {
    const found = MADE.exec(message.slice(-40));
    const text = found === null ? undefined : this.texts.get(Number(found[1]));
    if (found === null || text === undefined) return unmarkBigIntegers(message);
    this.texts.delete(Number(found[1]));
    return `${message.slice(0, message.length - found[0].length)}"payload":${text}}`;
  }
}
