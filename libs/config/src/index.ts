export { formatDuration, parseDuration } from './duration.js';
export { inheritedEnvironment, loadSettings } from './load.js';
export type { LoadedSettings, Variables } from './load.js';
export { nearest } from './nearest.js';
export { settingsPage } from './page.js';
export type { Environment, LogFormat, LogLevel, Settings } from './settings.js';
