// Nest's decorators write metadata at import time, so this must stand before any test's imports.
import 'reflect-metadata';
import { afterAll, vi } from 'vitest';

// The next file has the same modules, where it is of a project that does not isolate its files.
afterAll(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});
