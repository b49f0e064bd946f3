import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const SCRIPT = `
const $ = (id) => document.getElementById(id);
for (const id of ['key', 'query', 'variables']) {
  $(id).value = sessionStorage.getItem(id) || $(id).value;
}
$('run').onclick = async () => {
  for (const id of ['key', 'query', 'variables']) sessionStorage.setItem(id, $(id).value);
  try {
    const variables = JSON.parse($('variables').value || '{}');
    const response = await fetch(location.pathname, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ' + $('key').value },
      body: JSON.stringify({ query: $('query').value, variables }),
    });
    $('answer').textContent = JSON.stringify(await response.json(), null, 2);
  } catch (error) {
    $('answer').textContent = String(error);
  }
};
`;
const STYLE = `
body { font: 14px system-ui; margin: 1rem; display: grid; gap: .5rem; }
textarea, input, pre { font: 13px ui-monospace, monospace; padding: .5rem; }
`;
const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Orrery GraphQL</title><style>${STYLE}</style>
<h1>Orrery GraphQL</h1>
<label for="key">API key</label><input id="key" type="password" autocomplete="off">
<label for="query">Query</label><textarea id="query" rows="14">{
  viewer { name projects { role project { name } } }
}</textarea>
<label for="variables">Variables</label><textarea id="variables" rows="4">{}</textarea>
<button id="run">Run</button>
<pre id="answer" aria-live="polite"></pre>
<script>${SCRIPT}</script></html>`;

const hash = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** A page to try queries with, complete in itself: nothing is loaded from anywhere. */
export function routePage(fastify: FastifyInstance, path: string): void {
  const policy =
    `default-src 'none'; connect-src 'self'; script-src ${hash(SCRIPT)}; ` +
    `style-src ${hash(STYLE)}; frame-ancestors 'none'`;
  fastify.get(path, async (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .send(PAGE),
  );
}
