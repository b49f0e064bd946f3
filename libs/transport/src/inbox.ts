import { Observable, Subject } from 'rxjs';

/** One message as a handler gets it; decoding is the handler's business. */
export interface Delivery {
  readonly topic: string;
  /** What stands in the place of `+` and `#`. */
  readonly wild: readonly string[];
  readonly payload: Buffer;
  readonly retained: boolean;
  readonly qos: 0 | 1;
}

export interface InboxBounds {
  readonly deliveriesMax: number;
  readonly bytesMax: number;
}

/** The mailbox of one pattern: collects for a turn of the event loop, drops above its bounds. */
export interface Inbox {
  push(delivery: Delivery): void;
  /** Emits once there is something to take; never one emission a message. */
  readonly ready$: Observable<void>;
  take(): readonly Delivery[];
  /** Announces again what came while nobody listened. */
  wake(): void;
  /** Since the beginning. */
  readonly dropped: number;
}

export function createInbox(bounds: InboxBounds): Inbox {
  const ready$ = new Subject<void>();
  let queue: Delivery[] = [];
  let bytes = 0;
  let announced = false;
  let dropped = 0;

  // Every message can be derived again, so the newest say most; QoS 1 was thought the dearer.
  const dropOldest = (): void => {
    const cheap = queue.findIndex((delivery) => delivery.qos === 0);
    const [gone] = queue.splice(Math.max(cheap, 0), 1);
    bytes -= gone?.payload.length ?? 0;
    dropped += 1;
  };
  const wake = (): void => {
    if (announced || queue.length === 0) return;
    announced = true;
    setImmediate(() => {
      announced = false;
      ready$.next();
    });
  };

  return {
    push(delivery) {
      queue.push(delivery);
      bytes += delivery.payload.length;
      while (queue.length > bounds.deliveriesMax || (bytes > bounds.bytesMax && queue.length > 1)) {
        dropOldest();
      }
      wake();
    },
    ready$,
    take() {
      const slice = queue;
      queue = [];
      bytes = 0;
      return slice;
    },
    wake,
    get dropped() {
      return dropped;
    },
  };
}
