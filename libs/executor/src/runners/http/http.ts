import type { Clock } from '#actor';
import type { Ending } from '#core';
import {
  type Attempt,
  type AttemptSink,
  type Runner,
  type Running,
  endError,
  endingOf,
  endingWith,
} from '../runner.js';
import type { Allowed } from './allow.js';
import { type Answer, exchange } from './exchange.js';
import { Guard } from './guard.js';
import { Refused, type Resolve, guardedLookup, systemResolve } from './lookup.js';
import { type HttpRequest, type Redirect, firstRequest, redirectOf, shown } from './request.js';
import { disappointmentOf, resultOf, retryAfter } from './result.js';
import type { HttpSpec } from './spec.js';

export interface HttpOptions {
  /** Inner addresses that jobs may ask nevertheless. */
  readonly allow: readonly Allowed[];
  readonly userAgent: string;
  readonly clock: Clock;
  readonly resolve?: Resolve;
}

const REDIRECTS_MAX = 5;

/** Sends a request and judges the answer. A time-out or a cancel cuts its connection at once. */
export class HttpRunner implements Runner {
  private readonly guard: Guard;

  constructor(private readonly options: HttpOptions) {
    this.guard = new Guard(options.allow);
  }

  run(attempt: Attempt, sink: AttemptSink): Running {
    const { spec, token } = attempt;
    if (spec.kind !== 'http') throw new Error(`no http attempt: ${spec.kind}`);
    const controller = new AbortController();
    const visit: Visit = {
      spec,
      signal: controller.signal,
      note: (line) => void sink.log('log', Buffer.from(`${line}\n`)),
    };
    sink.started();
    const first = firstRequest(spec, token, this.options.userAgent);
    // `follow` has no way to fail.
    void this.follow(first, visit).then((ending) => sink.ended(ending));
    const abort = (): void => controller.abort();
    return { stop: abort, kill: abort };
  }

  /** From answer to answer until one is no redirect: each place is judged like the first. */
  private async follow(first: HttpRequest, visit: Visit): Promise<Ending> {
    let request = first;
    for (let redirects = 0; ; redirects++) {
      const met = await this.meet(request, visit);
      if (met.kind === 'failed') return met.ending;
      const { answer, redirect } = met;
      switch (redirect.kind) {
        case 'none':
          return endingFor(visit.spec, answer);
        case 'nowhere':
          return lost('HTTP_CONNECTION', `${shown(request)} redirects to what is no URL`);
        case 'to':
          if (redirects === REDIRECTS_MAX) {
            const why = `${shown(first)} redirects more than ${REDIRECTS_MAX} times`;
            return lost('HTTP_CONNECTION', why, 'TOO_MANY_REDIRECTS');
          }
          request = redirect.request;
          break;
        default: {
          const never: never = redirect;
          return never;
        }
      }
    }
  }

  /** One request, judged, sent and noted. */
  private async meet(request: HttpRequest, visit: Visit): Promise<Met> {
    const { clock, resolve = systemResolve } = this.options;
    const { spec, signal, note } = visit;
    const { url } = request;
    const redirectFor = (status: number, location: string | undefined): Redirect =>
      spec.followRedirects ? redirectOf(request, status, location) : { kind: 'none' };
    const began = clock.elapsed();
    const took = (): string => `${Math.round(clock.elapsed() - began)} ms`;
    try {
      const verdict = this.guard.judgeUrl(url);
      if (verdict.kind === 'refused') throw new Refused(verdict.why);
      const answer = await exchange(request, {
        signal,
        lookup: guardedLookup(this.guard, url, resolve),
        wants: (status, { location }) => redirectFor(status, location).kind === 'none',
      });
      note(`${shown(request)}: ${answer.status} in ${took()}`);
      const redirect = redirectFor(answer.status, answer.headers.location);
      return { kind: 'answered', answer, redirect };
    } catch (error) {
      const known = failureOf(error);
      note(`${shown(request)}: ${known.code ?? known.class} after ${took()}`);
      const message = `${shown(request)}: ${known.message}`;
      return { kind: 'failed', ending: lost(known.class, message, known.code) };
    }
  }
}

interface Visit {
  readonly spec: HttpSpec;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

type Met =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly redirect: Redirect }
  | { readonly kind: 'failed'; readonly ending: Ending };

function endingFor(spec: HttpSpec, answer: Answer): Ending {
  const result = resultOf(answer);
  const json = JSON.stringify(result);
  const fault = disappointmentOf(spec, result);
  if (fault === undefined) return endingWith(json, 'the answer');
  const { status } = result;
  const code = { code: String(status), retryMs: retryAfter(status, answer, Date.now()) };
  const more = fault.class === 'HTTP_STATUS' ? code : {};
  const error = endError(fault.class, fault.message, more);
  return endingOf('FAILED', { error, result: json });
}

function lost(name: string, message: string, code?: string): Ending {
  const more = code === undefined ? {} : { code };
  return endingOf('FAILED', { error: endError(name, message, more) });
}

interface Failure {
  readonly class: 'HTTP_REFUSED' | 'HTTP_CONNECTION';
  readonly message: string;
  readonly code?: string;
}

function failureOf(error: unknown): Failure {
  if (error instanceof Refused) return { class: 'HTTP_REFUSED', message: error.message };
  const { code } = error as NodeJS.ErrnoException;
  const known = typeof code === 'string' ? { code } : {};
  return { class: 'HTTP_CONNECTION', message: wordsOf(error), ...known };
}

/** Of a name with several addresses each has failed in its own way. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
