import type { Server } from 'node:http';
import { AbstractGraphQLDriver, type GqlModuleOptions } from '@nestjs/graphql';
import type { FastifyInstance } from 'fastify';
import type { Viewer } from '../../auth/viewer.js';
import type { Logger } from '#telemetry';
import type { GraphqlContext } from './context.js';
import { type Authenticate, routeHttp } from './http.js';
import type { KeyLimits } from './key-limits.js';
import { DEFAULT_LIMITS, type QueryLimits } from './limits.js';
import { Operations } from './operations.js';
import { routePage } from './page.js';
import { guardRoots } from './roles.js';
import { Sockets } from './sockets.js';

export interface OrreryDriverOptions extends GqlModuleOptions {
  readonly authenticate: Authenticate;
  readonly contextOf: (viewer: Viewer) => GraphqlContext;
  readonly log: Logger;
  readonly limits?: QueryLimits;
  readonly keyLimits: KeyLimits;
  /** A page to try queries with: for development only. */
  readonly hasPage: boolean;
}

/** GraphQL over HTTP and WebSocket for Nest's schema on Fastify (stack.md: why our own). */
export class OrreryDriver extends AbstractGraphQLDriver<OrreryDriverOptions> {
  private sockets: Sockets | undefined;

  async start(options: OrreryDriverOptions): Promise<void> {
    const { schema, authenticate, contextOf, log, path = '/graphql' } = options;
    if (schema === undefined) throw new Error('the driver was started without a schema');
    guardRoots(schema);
    const limits = options.limits ?? DEFAULT_LIMITS;
    const { keyLimits } = options;
    const operations = new Operations({ schema, limits, keyLimits, contextOf, log });
    const fastify = this.httpAdapterHost.httpAdapter.getInstance<FastifyInstance>();
    routeHttp(fastify, path, operations, authenticate);
    if (options.hasPage) routePage(fastify, path);
    const server = fastify.server as Server;
    const sockets = new Sockets({ server, path, operations, authenticate, log });
    this.sockets = sockets;
    // Else close() would wait for sockets that nobody closes.
    fastify.addHook('preClose', () => sockets.stop());
  }

  async stop(): Promise<void> {
    await this.sockets?.stop();
  }
}
