/** What main.ts hands to Nest: everything else is made from these. */
export const SETTINGS = Symbol('settings');
export const LOGGER = Symbol('logger');
export const INSTALLATION = Symbol('installation');
