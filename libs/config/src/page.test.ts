import { expect, it } from 'vitest';
import { settingsPage } from './page.js';
import { settingsTable } from './settings.js';

it('has one row a setting, with its default and its sentence', () => {
  const page = settingsPage();
  for (const setting of Object.values(settingsTable)) {
    expect(page).toContain(`| \`${setting.variable}\` |`);
    expect(page).toContain(setting.doc);
  }
  expect(page).toContain('| `ORRERY_BEAT` | `5s` | duration |');
});

it('names each variable once', () => {
  const variables = Object.values(settingsTable).map((setting) => setting.variable);
  expect(new Set(variables).size).toBe(variables.length);
});
