// `npm run build`: the same as prepare, under the name that people look for.
import { prepare } from './prepare.mjs';

if (!prepare()) process.exitCode = 1;
