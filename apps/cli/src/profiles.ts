import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inheritedEnvironment } from '#config';

/** A server, and who asks it. */
export interface Profile {
  readonly url: string;
  readonly key: string;
  readonly project: string | null;
}
type Profiles = Readonly<Record<string, Profile>>;

/** The one that is used when none is named. */
export const DEFAULT_PROFILE = 'default';
export const PROFILE_NAME = /^[a-z0-9][a-z0-9._-]{0,39}$/i;

export function profilesFile(): string {
  const { XDG_CONFIG_HOME: given } = inheritedEnvironment();
  const base = given === undefined || given === '' ? path.join(os.homedir(), '.config') : given;
  return path.join(base, 'orrery', 'profiles.json');
}

export function readProfiles(): Profiles {
  try {
    return JSON.parse(fs.readFileSync(profilesFile(), 'utf8')) as Profiles;
  } catch {
    return {}; // absent; or cut short, and then a login writes it anew
  }
}

export const saveProfile = (name: string, profile: Profile): void =>
  write({ ...readProfiles(), [name]: profile });

/** Whether there was one. */
export function removeProfile(name: string): boolean {
  const { [name]: gone, ...left } = readProfiles();
  if (gone === undefined) return false;
  write(left);
  return true;
}

/** Keys are in it: nobody else may read it, not even for the moment of its making. */
function write(profiles: Profiles): void {
  const file = profilesFile();
  const aside = `${file}.${process.pid}`;
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  fs.writeFileSync(aside, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(aside, file);
}
