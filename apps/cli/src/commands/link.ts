import type { RequestError } from '#client';

/** A server that refuses right after it was reached is not back. */
const SETTLED_MS = 500;

/** Says once that the server is lost, and once that it is back; for what follows something. */
export class Link {
  private isLost = false;
  private settling: NodeJS.Timeout | undefined;

  constructor(
    private readonly url: string,
    private readonly say: (text: string) => void,
    /** What becomes of what is followed, and how to see it. */
    private readonly meanwhile: string,
  ) {}

  readonly interrupted = ({ code, message }: RequestError): void => {
    clearTimeout(this.settling);
    // A reader that was too slow has not lost its server.
    if (this.isLost || code === 'SLOW_CONSUMER') return;
    this.isLost = true;
    const isGone = code === 'UNREACHABLE' || code === 'CLOSED';
    const what = isGone ? `lost the server at ${this.url}` : `${this.url} says: ${message}`;
    this.say(`${what}${isGone ? ',' : ''} trying again…\n${this.meanwhile}`);
  };

  readonly connected = (): void => {
    if (this.isLost) this.settling = setTimeout(this.heard, SETTLED_MS);
  };

  readonly heard = (): void => {
    clearTimeout(this.settling);
    if (!this.isLost) return;
    this.isLost = false;
    this.say(`the server at ${this.url} is back`);
  };

  /** Nothing more is said. */
  readonly close = (): void => clearTimeout(this.settling);
}
