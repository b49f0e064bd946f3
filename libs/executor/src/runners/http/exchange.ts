import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { HttpRequest } from './request.js';

export const BODY_BYTES_MAX = 64 * 1024;
/** Node's own default, held against its options: what is kept of headers must fit into a result. */
const HEADER_BYTES_MAX = 16 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** At most BODY_BYTES_MAX; nothing of one that was not wanted. */
  readonly body: Buffer;
  readonly isTruncated: boolean;
}

export interface Ways {
  readonly lookup: LookupFunction;
  /** Cuts the connection, whatever it is at. */
  readonly signal: AbortSignal;
  /** false: the body is not read. */
  readonly wants: (status: number, headers: http.IncomingHttpHeaders) => boolean;
}

/** One request on a connection of its own, and the beginning of its answer. */
export function exchange(request: HttpRequest, ways: Ways): Promise<Answer> {
  const { method, url, body } = request;
  const { lookup, signal } = ways;
  const { request: open } = url.protocol === 'https:' ? https : http;
  // Node gives a DELETE no length of its own: its body would be taken for the next request.
  const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
  const headers = { ...request.headers, ...length };
  return new Promise((resolve, reject) => {
    // Without an agent there is no connection that another job has opened, and no proxy.
    const how = { agent: false, lookup, signal, maxHeaderSize: HEADER_BYTES_MAX } as const;
    const sent = open(url, { ...how, method, headers });
    sent.on('error', reject);
    const closed = (): void => reject(new Error('the connection was closed without an answer'));
    sent.on('close', closed);
    sent.on('response', (response) => {
      // From here on the answer knows better what became of it.
      sent.off('close', closed);
      response.on('error', reject);
      response.on('close', closed);
      const status = response.statusCode ?? 0;
      const answer = { status, headers: response.headers };
      const end = (read: Buffer, isTruncated: boolean): void => {
        resolve({ ...answer, body: read, isTruncated });
        sent.destroy();
      };
      if (ways.wants(status, response.headers)) readBounded(response, end);
      else end(Buffer.alloc(0), false);
    });
    sent.end(body ?? undefined);
  });
}

function readBounded(
  response: http.IncomingMessage,
  end: (body: Buffer, isTruncated: boolean) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    if (bytes > BODY_BYTES_MAX) return;
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) end(Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX), true);
  });
  response.on('end', () => end(Buffer.concat(chunks), false));
}
