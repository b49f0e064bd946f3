import { STOP } from '../behavior.js';
import type { ThreadEntry } from '../behavior.js';
import type { ActorRef } from '../refs.js';
import { testOptions } from './options.js';

/** Entries of the thread tests: a worker imports them from dist, so they stand in no test file. */
export type Echo =
  | { readonly kind: 'echo'; readonly text: string; readonly replyTo: ActorRef<string> }
  | { readonly kind: 'forward'; readonly to: ActorRef<string>; readonly text: string }
  | { readonly kind: 'crash' | 'stop' | 'fail' | 'block' }
  | { readonly kind: 'state'; readonly replyTo: ActorRef<{ readonly seen: number }> };

export interface EchoArgs {
  readonly greet: ActorRef<string>;
}

interface EchoState {
  seen: number;
  readonly greet: ActorRef<string>;
}

const MAILBOX = { capacity: 16, slice: 4 };

export const echo: ThreadEntry<Echo, EchoState, EchoArgs> = {
  behavior: {
    name: 'echo',
    start({ greet }) {
      greet.tell('started');
      return { seen: 0, greet };
    },
    receive(state, message) {
      state.seen += 1;
      switch (message.kind) {
        case 'echo':
          message.replyTo.tell(message.text);
          return state;
        case 'forward':
          message.to.tell(message.text);
          return state;
        case 'state':
          message.replyTo.tell({ seen: state.seen });
          return state;
        case 'fail':
          throw new Error('told to fail');
        case 'crash':
          return process.exit(7);
        case 'block':
          for (;;);
        case 'stop':
          return STOP;
        default: {
          const never: never = message;
          return never;
        }
      }
    },
    stopped: ({ greet }, reason) => void greet.tell(`stopped ${reason}`),
  },
  options: testOptions('echo', {
    mailbox: MAILBOX,
    supervision: { intensity: { restarts: 1, within: 60_000 } },
  }),
};

export interface Guard {
  readonly target: ActorRef<never>;
  readonly told: ActorRef<string>;
}

/** Watches one ref for another, and says so when it has begun. */
export const guard: ThreadEntry<string, ActorRef<string>, Guard> = {
  behavior: {
    name: 'guard',
    start({ target, told }, context) {
      context.watch(target, ({ reason }) => reason);
      told.tell('watching');
      return told;
    },
    receive(told, reason) {
      told.tell(reason);
      return told;
    },
  },
  options: testOptions('guard', { mailbox: MAILBOX }),
};

/** Passes each text on to a ref it was started with. */
export const relay: ThreadEntry<string, ActorRef<string>, ActorRef<string>> = {
  behavior: {
    name: 'relay',
    start: (to) => to,
    receive(to, text) {
      to.tell(text);
      return to;
    },
  },
  options: testOptions('relay', { mailbox: MAILBOX }),
};
