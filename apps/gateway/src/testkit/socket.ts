import type { AddressInfo } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Answer, TestGateway } from './gateway.js';

/** Makes the gateway listen; answers with the address of its sockets. */
export async function listen(gateway: TestGateway): Promise<string> {
  await gateway.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = gateway.app.getHttpServer().address() as AddressInfo;
  return `ws://127.0.0.1:${port}/graphql`;
}

export const bearer = (key: string): Record<string, unknown> => ({
  authorization: `Bearer ${key}`,
});

export function connect(
  url: string,
  params: Record<string, unknown>,
  closed: (code: number) => void = () => undefined,
): Client {
  return createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: params,
    retryAttempts: 0,
    on: { closed: (event) => closed((event as { code: number }).code) },
  });
}

/** The first answer, whether what is wrong comes as a result or ends the stream. */
export async function first(client: Client, query: string, variables = {}): Promise<Answer> {
  try {
    for await (const result of client.iterate({ query, variables })) return result as Answer;
  } catch (errors) {
    if (Array.isArray(errors)) return { errors: errors as NonNullable<Answer['errors']> };
    throw errors;
  }
  throw new Error('the stream ended without a word');
}

export async function refusal(client: Client, query: string, variables = {}): Promise<unknown> {
  return (await first(client, query, variables)).errors?.[0]?.extensions.code;
}
