import { settingsTable } from './settings.js';
import type { Setting } from './settings.js';

/** The table as Markdown, for docs/settings.md: derived, so the page cannot lag the code. */
export function settingsPage(): string {
  const lines = [
    '<!-- Generated from libs/config by `npm run gen`; edit the table there. -->',
    '',
    '# Settings',
    '',
    'Every setting is an environment variable, read once at start. All wrong ones are reported',
    'together, and an unknown `ORRERY_*` variable is an error that names the nearest known one.',
    'A duration is written like `250ms`, `90s`, `1h30m` or `7d`.',
    '',
    '| variable | default | unit | what it does |',
    '| --- | --- | --- | --- |',
  ];
  for (const setting of Object.values<Setting<unknown>>(settingsTable)) {
    const shown =
      setting.fallback.kind === 'text' ? `\`${setting.fallback.text}\`` : setting.fallback.shown;
    const doc = setting.secret === true ? `${setting.doc} A secret: never logged.` : setting.doc;
    const cells = [`\`${setting.variable}\``, shown, setting.unit, doc];
    lines.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}
