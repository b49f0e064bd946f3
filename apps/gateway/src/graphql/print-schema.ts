import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { GraphQLSchemaBuilderModule, GraphQLSchemaFactory } from '@nestjs/graphql';
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { RESOLVERS } from './resolvers.js';

/** Without a database or a port: only from the decorators. */
export async function buildSchema(): Promise<GraphQLSchema> {
  const app = await NestFactory.createApplicationContext(GraphQLSchemaBuilderModule, {
    logger: false,
  });
  try {
    return await app.get(GraphQLSchemaFactory).create([...RESOLVERS]);
  } finally {
    await app.close();
  }
}

/** What stands in schema.graphql. */
export async function printedSchema(): Promise<string> {
  const head = '# Generated from apps/gateway by `npm run gen`: change it there.\n\n';
  return `${head}${printSchema(lexicographicSortSchema(await buildSchema()))}\n`;
}
