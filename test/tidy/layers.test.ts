import { describe, expect, it } from 'vitest';
import { checkLayers } from './layers.js';
import { readSources, report } from './source.js';

function against(path: string, text: string): string {
  return report(checkLayers([{ path, text }]));
}

it('the tree keeps to the layer table', () => {
  expect(report(checkLayers(readSources(['apps', 'libs'], /\.tsx?$/)))).toBe('');
});

describe('the rule bans', () => {
  it.each([
    ['libs/core/src/a.ts', `import fs from 'node:fs';`, 'libs/core may import nothing from node:'],
    ['libs/core/src/a.ts', `import { join } from 'path';`, 'nothing from node:'],
    ['libs/core/src/a.ts', `import type { X } from '#actor';`, 'libs/core may import no lib'],
    ['libs/core/src/a.ts', `import p from 'cron-parser';`, 'libs/core may import no package'],
    ['libs/core/src/a.ts', `export { x } from '../../actor/src/x.js';`, `use '#actor'`],
    ['libs/actor/src/a.ts', `import { x } from 'node:fs';`, 'may import node:worker_threads'],
    ['libs/protocol/src/a.ts', `import { decide } from '#core';`, 'decide is neither'],
    ['libs/protocol/src/a.ts', `import * as core from '#core';`, 'all of it is neither'],
    ['libs/postgres/src/a.ts', `import { x } from '#mqtt';`, 'may import core, protocol, process'],
    ['libs/mqtt/src/a.ts', `import pg from 'pg';`, 'libs/mqtt may import mqtt, rxjs'],
    ['libs/executor/src/a.ts', `import { X } from '@nestjs/common';`, 'libs/executor may import'],
    ['libs/executor/src/a.ts', `const x = await import('pg');`, 'libs/executor may import rxjs'],
    ['libs/executor/src/a.ts', `import type { X } from '#feed';`, 'libs/executor may import core'],
    ['libs/executor/src/a.ts', `import { x } from '#broker';`, 'libs/executor may import core'],
    ['libs/protocol/src/a.ts', `import { connect } from 'node:net';`, 'nothing from node:'],
    ['libs/telemetry/src/a.ts', `import { x } from '#config';`, 'may import no lib'],
    ['libs/config/src/a.ts', `import { x } from '#config';`, 'by its relative path'],
    ['libs/config/src/a.test.ts', `import x from '../../../tools/x.mjs';`, 'may not leave'],
    ['libs/whatever/src/a.ts', '', 'not in the layer table'],
    ['apps/cli/src/a.ts', `import { x } from '../../gateway/src/x.js';`, 'the app gateway'],
    ['apps/cli/src/a.ts', `import { x } from '#core/src/run.js';`, `use '#core'`],
  ])('in %s: %s', (path, text, expected) => {
    expect(against(path, text)).toContain(expected);
    expect(against(path, text)).toContain('[layers] ');
  });
});

describe('the rule allows', () => {
  it.each([
    ['libs/core/src/run/a.ts', `import { x } from '../time/x.js';`],
    ['libs/actor/src/a.ts', `import { Worker } from 'node:worker_threads';`],
    ['libs/protocol/src/a.ts', `import { OUTCOMES, type Token } from '#core';`],
    ['libs/postgres/src/a.ts', `import type { Run } from '#core';`],
    ['libs/mqtt/src/a.test.ts', `import { startBroker } from '#broker';`],
    ['libs/core/src/a.test.ts', `import { readFileSync } from 'node:fs';`],
    ['apps/gateway/src/a.ts', `import { x } from '#postgres'; import '@nestjs/core';`],
    ['libs/core/src/a.ts', `// import fs from 'node:fs'\nexport const text = "import 'pg'";`],
  ])('in %s: %s', (path, text) => {
    expect(against(path, text)).toBe('');
  });
});
