import type { Host } from './kernel.js';
import type { Millis } from './machine.js';
import { Ref } from './refs.js';
import type { ActorRef, Answer, Cancel } from './refs.js';

/** `done` is called once: by the first reply, a refusal or the time-out; never after the cancel. */
export function openAsk<N, R>(
  host: Host,
  target: ActorRef<N>,
  build: (replyTo: ActorRef<R>) => N,
  withinMs: Millis,
  done: (answer: Answer<R>) => void,
): Cancel {
  let open = true;
  const close = (): void => {
    open = false;
    cancelTimer();
    host.leave(reply.address);
  };
  const settle = (answer: Answer<R>): void => {
    close();
    done(answer);
  };
  const cancelTimer = host.clock.after(withinMs, () => settle({ ok: false, why: 'timeout' }));
  const reply = new Ref<R>(host.address(`${target.address.path}?`), (value) => {
    if (!open) return 'gone';
    settle({ ok: true, value });
    return 'accepted';
  });
  try {
    const admit = target.tell(build(reply));
    if (admit !== 'accepted' && open) settle({ ok: false, why: admit });
  } catch (error) {
    close();
    throw error;
  }
  return () => {
    if (open) close();
  };
}
