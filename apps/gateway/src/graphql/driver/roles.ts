import { Extensions } from '@nestjs/graphql';
import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { mayAct } from '../../auth/viewer.js';
import type { Role } from '../schema/enums.js';
import type { GraphqlContext } from './context.js';
import { problem } from './errors.js';

/** What a query, mutation or subscription asks of its caller's key. Each one must say it. */
export const Requires = (role: Role): MethodDecorator =>
  Extensions({ role }) as unknown as MethodDecorator;

type Resolver = GraphQLFieldResolver<unknown, GraphqlContext>;

/** Closed by default: a root field that declares no role keeps the gateway from starting. */
export function guardRoots(schema: GraphQLSchema): void {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const root of roots) {
    for (const field of Object.values(root?.getFields() ?? {})) {
      const role = field.extensions['role'] as Role | undefined;
      if (role === undefined) throw new Error(`${root?.name}.${field.name} declares no role`);
      const guard = (resolver: Resolver): Resolver => {
        return (source, args, context, info) => {
          if (!mayAct(context.viewer, role)) {
            const has = `this key is ${context.viewer.role}`;
            const message = `${field.name} needs the role ${role}; ${has}.`;
            throw problem('FORBIDDEN', message, { needs: role });
          }
          return resolver(source, args, context, info);
        };
      };
      if (field.subscribe) field.subscribe = guard(field.subscribe);
      else if (field.resolve) field.resolve = guard(field.resolve);
    }
  }
}
