import fs from 'node:fs';
import readline from 'node:readline';
import { Writable } from 'node:stream';
import { createClient } from '#client';
import { valueOf, withPath } from '../context.js';
import { renderOne } from '../output/render.js';
import {
  DEFAULT_PROFILE,
  PROFILE_NAME,
  profilesFile,
  removeProfile,
  saveProfile,
} from '../profiles.js';
import { CommandProblem, misuse } from '../problem.js';
import { type LocalCommand, type Place, type Values } from './command.js';
import { textOf } from './values.js';

const KEY = /^\S{1,500}$/;
const WHO = '{ viewer { name projects { project { name } role } } }';
interface Who {
  readonly viewer: {
    readonly name: string;
    readonly projects: readonly {
      readonly project: { readonly name: string };
      readonly role: string;
    }[];
  };
}

const PROFILE = {
  profile: { type: 'string', value: 'NAME', help: `which one; else ${DEFAULT_PROFILE}` },
} as const;

function profileOf(values: Values): string {
  const name = textOf(values, 'profile') ?? DEFAULT_PROFILE;
  if (PROFILE_NAME.test(name)) return name;
  throw misuse(`'${name}' is no name of a profile: up to 40 letters, digits, '.', '_' and '-'.`);
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw misuse(`'${text}' is no address: give one like https://orrery.example/graphql.`);
  }
  return withPath(url.href);
}

/** Never from the command line: there every process of the machine may read it. */
async function readKey({ terminal }: Place): Promise<string> {
  const given = process.stdin.isTTY ? await prompt(terminal.err) : fs.readFileSync(0, 'utf8');
  const key = given.trim();
  if (KEY.test(key)) return key;
  throw misuse('Give one API key on the standard input: orrery login URL < key.txt');
}

async function prompt(say: (text: string) => void): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = readline.createInterface({ input: process.stdin, output: nowhere, terminal: true });
  say('API key (not shown): ');
  const typed = await new Promise<string>((resolve) => {
    lines.once('close', () => resolve(''));
    lines.once('line', resolve);
  });
  lines.close();
  say('\n');
  return typed;
}

export const login: LocalCommand = {
  name: 'login',
  summary: 'remember a server and the key to ask it with',
  usage: 'orrery login URL [--profile NAME] [--project NAME] < KEY',
  example: 'orrery login https://orrery.example/graphql --profile work < key.txt',
  more:
    'The key is read from the standard input, or asked for without being shown, and is checked ' +
    'before it is kept, in a file that only you may read. Who asks whom is settled by ' +
    'ORRERY_API_URL and ORRERY_API_KEY first, then --profile, then what runs in this folder ' +
    `(.orrery or ORRERY_HOME), then the profile ${DEFAULT_PROFILE}.`,
  options: {
    ...PROFILE,
    project: { type: 'string', value: 'NAME', help: 'its project when none is named' },
  },
  positionals: { required: 1, names: 'URL' },
  async start(place, values, [address = '']) {
    const [profile, url] = [profileOf(values), addressOf(address)];
    const key = await readKey(place);
    const client = createClient({ url, key });
    const { viewer } = valueOf(await client.request<Who>(WHO), { url });
    const names = viewer.projects.map(({ project }) => project.name);
    const project = textOf(values, 'project') ?? (names.length === 1 ? names[0] : undefined);
    if (project !== undefined && !names.includes(project)) {
      throw new CommandProblem(`This key may not see the project ${project}; nothing was kept.`);
    }
    saveProfile(profile, { url, key, project: project ?? null });
    const roles = viewer.projects.map(({ project: { name }, role }) => `${name} ${role}`);
    const told = { profile, url, key: viewer.name, projects: roles, project: project ?? null };
    place.terminal.out(renderOne({ ...told, file: profilesFile() }, place.format));
    return 0;
  },
};

export const logout: LocalCommand = {
  name: 'logout',
  summary: 'forget a server and its key; the key itself stays good',
  usage: 'orrery logout [--profile NAME]',
  example: 'orrery logout --profile work',
  options: PROFILE,
  positionals: { required: 0, names: '' },
  async start({ terminal, format }, values) {
    const profile = profileOf(values);
    if (!removeProfile(profile)) {
      throw new CommandProblem(`There is no profile ${profile} in ${profilesFile()}.`);
    }
    terminal.out(renderOne({ profile, forgotten: true }, format));
    return await Promise.resolve(0);
  },
};
