import type { Dispatcher } from '../runtime.js';
import type { Encoded } from './codec.js';
import type { BatchFrame, Frame } from './frames.js';

/** The way to one other thread: frames collect during a turn and leave in one message after it. */
export class Link {
  private frames: Frame[] = [];
  private scheduled = false;

  constructor(
    private readonly post: (frames: readonly Frame[]) => void,
    private readonly dispatcher: Dispatcher,
    private readonly refused: (frame: Frame, error: unknown) => void,
  ) {}

  push(frame: Frame): void {
    this.frames.push(frame);
    if (this.scheduled) return;
    this.scheduled = true;
    this.dispatcher.ready(() => this.flush());
  }

  message(to: number, from: number, incarnation: number, { value, refs }: Encoded): void {
    const last = this.frames.at(-1);
    let batch: BatchFrame;
    if (last?.kind === 'batch' && sameRoute(last, to, from, incarnation)) {
      batch = last;
    } else {
      batch = { kind: 'batch', to, from, incarnation, messages: [], refs: [] };
      this.push(batch);
    }
    if (refs !== undefined) batch.refs.push([batch.messages.length, refs]);
    batch.messages.push(value);
  }

  flush(): void {
    this.scheduled = false;
    const { frames } = this;
    if (frames.length === 0) return;
    this.frames = [];
    try {
      this.post(frames);
    } catch {
      // Something in it cannot be cloned. Nothing was sent: find out which, the rest goes on.
      for (const frame of frames) this.postAlone(frame);
    }
  }

  private postAlone(frame: Frame): void {
    try {
      this.post([frame]);
    } catch (error) {
      if (frame.kind !== 'batch' || frame.messages.length === 1) this.refused(frame, error);
      else for (const single of singles(frame)) this.postAlone(single);
    }
  }
}

/** A batch of another thread may stand in the same array, to be passed on as it is. */
function sameRoute(batch: BatchFrame, to: number, from: number, incarnation: number): boolean {
  return batch.incarnation === incarnation && batch.to === to && batch.from === from;
}

function singles(batch: BatchFrame): readonly BatchFrame[] {
  const refs = new Map(batch.refs);
  return batch.messages.map((message, at) => {
    const keys = refs.get(at);
    return { ...batch, messages: [message], refs: keys === undefined ? [] : [[0, keys]] };
  });
}
