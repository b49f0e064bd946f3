import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
} from 'graphql';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildSchema, printedSchema } from './print-schema.js';

let schema: GraphQLSchema;
beforeAll(async () => {
  schema = await buildSchema();
});

describe('the schema', () => {
  it('is what stands in schema.graphql', async () => {
    expect(await printedSchema()).toBe(readFileSync(path.resolve('schema.graphql'), 'utf8'));
  });

  it('says of every type, field, argument and value what it means', () => {
    const mute: string[] = [];
    const look = (name: string, described: { readonly description?: unknown }): void => {
      if (typeof described.description !== 'string' || described.description === '') {
        mute.push(name);
      }
    };
    for (const type of Object.values(schema.getTypeMap())) {
      if (isIntrospectionType(type)) continue;
      if (!/^(Query|Mutation|Subscription)$/.test(type.name)) look(type.name, type);
      if (isEnumType(type)) type.getValues().forEach((v) => look(`${type.name}.${v.name}`, v));
      if (!isObjectType(type) && !isInputObjectType(type)) continue;
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, field);
        if (!('args' in field)) continue;
        for (const arg of field.args) look(`${type.name}.${field.name}(${arg.name})`, arg);
      }
    }
    expect(mute).toEqual([]);
  });
});
