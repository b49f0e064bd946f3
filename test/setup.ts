// Nest's decorators write metadata at import time, so this must stand before any test's imports.
import 'reflect-metadata';
