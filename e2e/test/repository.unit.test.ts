import { accessSync, constants, existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

// What people and machines that come to the repository find: READMEs, the changelog, hosted CI, settings of editors.

interface Manifest {
  readonly name: string;
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
}

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');
const exists = (file: string) => existsSync(join(repositoryRoot, file));
const readManifest = (folder: string): Manifest => JSON.parse(read(join(folder, 'package.json')));

const root = readManifest('.');
const { packages: patterns } = parse(read('pnpm-workspace.yaml')) as { packages: string[] };
const folders = patterns
  .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: repositoryRoot }))
  .map((file) => dirname(file))
  .sort();
const manifests = new Map(folders.map((folder) => [folder, readManifest(folder)]));

/** Why a command of a document cannot work; undefined when everything that it names is there. */
function problemOf(command: string): string | undefined {
  const words = command.replace(/^npx -y pnpm@12 /, 'pnpm ').split(' ');
  const [program = '', first = '', second = '', third = ''] = words;
  if (program === 'node') return exists(first) ? undefined : `there is no ${first}`;
  if (program !== 'pnpm') return exists(program) ? undefined : `there is no ${program}`;
  if (first !== '--filter') return root.scripts?.[first] ? undefined : `the workspace has no script ${first}`;
  const filtered = [...manifests.values()].find(({ name }) => name === second);
  return filtered?.scripts?.[third] ? undefined : `${second} has no script ${third}`;
}

/** The commands in a text's code marks. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/`((?:npx|pnpm|node) [^`]+)`/g)].map(([, command = '']) => command);
}

describe.each([...folders, 'tools'])('%s/README.md', (folder) => {
  const text = exists(`${folder}/README.md`) ? read(`${folder}/README.md`) : '';

  test('is there, is named as its package and is short', () => {
    expect(text.split('\n')[0]).toBe(`# ${manifests.get(folder)?.name ?? folder}`);
    expect(text.trim().split('\n').length).toBeLessThan(12);
  });

  test('says where to begin, how it is tested and what it may import', () => {
    const points = [...text.matchAll(/^- (.+?):/gm)].map(([, point]) => point);
    expect(points).toEqual(['Entry point', 'Tests', 'Imports']);
    const { name, scripts } = manifests.get(folder) ?? {};
    if (scripts?.['test'] !== undefined) expect(commandsIn(text)).toContain(`pnpm --filter ${name} test`);
  });

  test('names commands and files that there are', () => {
    for (const command of commandsIn(text)) expect(problemOf(command), command).toBeUndefined();
    for (const [, file = ''] of text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts|(?:[\w-]+\/)+)`/g)) {
      expect(exists(join(folder, file)) || exists(file) || isPartOfServices(file), file).toBe(true);
    }
  });
});

/** `domain/` and its like, which are said of the folder's own `src`. */
function isPartOfServices(file: string): boolean {
  return globSync(`services/*/src/${file}`, { cwd: repositoryRoot }).length > 0;
}

describe('.github/workflows/ci.yml', () => {
  interface Step {
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
  }
  const file = '.github/workflows/ci.yml';
  const { jobs } = parse(read(file)) as { jobs: Record<string, { steps: Step[] }> };
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const commands = steps.flatMap(({ run }) => run?.trim().split('\n') ?? []);
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { image: string }>;
  };

  test('says that it has never run', () => {
    expect(read(file).split('jobs:')[0]).toContain('It has never run');
  });

  test('runs the whole of CI, and the senders of the demo against docker compose', () => {
    expect(commands).toContain('.ci/run');
    expect(commands).toContain('npx -y pnpm@12 demo --running');
  });

  test('calls scripts and services that there are', () => {
    for (const command of commands) {
      const [, verb, last] = /^docker compose (\S+)(?:.* (\S+))?$/.exec(command) ?? [];
      if (verb === undefined) expect(problemOf(command), command).toBeUndefined();
      else expect(['build', 'up', 'logs', 'down'], command).toContain(verb);
      if (verb === 'build') expect(services).toHaveProperty(last ?? '');
    }
    accessSync(join(repositoryRoot, '.ci/run'), constants.X_OK);
  });

  test('builds the one image that all services run', () => {
    const own = Object.values(services).filter(({ image }) => image.startsWith('orderflow:'));
    expect(new Set(own.map(({ image }) => image)).size).toBe(1);
  });

  test('pins its actions, and gives them files that there are', () => {
    for (const { uses, with: inputs = {} } of steps) {
      if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@v\d+\.\d+\.\d+$/);
      for (const [input, value] of Object.entries(inputs)) {
        if (/-(file|path)$/.test(input)) expect(exists(String(value)), input).toBe(true);
      }
    }
  });

  test('sets up the Node, Java and Go that CONTRIBUTING.md asks for', () => {
    const needs = read('CONTRIBUTING.md').split('## Commands')[0];
    const inputs = Object.assign({}, ...steps.map((step) => step.with)) as Record<string, unknown>;
    expect(needs).toContain(`Node ${inputs['node-version']}`);
    expect(needs).toContain(`JDK ${inputs['java-version']}`);
    const go = /^go (\d+\.\d+)/m.exec(read(String(inputs['go-version-file'])))?.[1];
    expect(needs).toContain(`Go ${go}`);
  });
});

describe('CHANGELOG.md', () => {
  const versions = [...read('CHANGELOG.md').matchAll(/^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$/gm)];

  test('begins with what is not released, then the version of the workspace', () => {
    expect(versions[0]?.[1]).toBe('Unreleased');
    expect(versions[1]?.[1]).toBe(root.version);
  });

  test('dates every version, newest first', () => {
    const dates = versions.slice(1).map(([, , date]) => date);
    expect(dates).not.toContain(undefined);
    expect(dates).toEqual(dates.toSorted().reverse());
  });
});

test('.editorconfig says what Biome enforces', () => {
  const ofAll = read('.editorconfig').split('[*]')[1]?.split('[')[0] ?? '';
  const settings = Object.fromEntries(
    [...ofAll.matchAll(/^(\w+) = (\S+)$/gm)].map(([, name, value]) => [name, value]),
  );
  const { formatter } = JSON.parse(read('biome.json')) as {
    formatter: { indentStyle: string; indentWidth: number; lineWidth: number };
  };
  expect(settings).toMatchObject({
    indent_style: formatter.indentStyle,
    indent_size: String(formatter.indentWidth),
    max_line_length: String(formatter.lineWidth),
  });
});

// Suites run side by side: what other processes have there at that moment would decide such a test.
test('no test lists the folder of temporary files that all processes share', () => {
  const files = globSync('**/*.ts', { cwd: repositoryRoot, exclude: ['**/node_modules', '.orderflow'] });
  expect(files.length).toBeGreaterThan(500);
  const listing = /\b(?:readdir|readdirSync|globSync|opendir)\((?:os\.)?tmpdir\(\)/;
  expect(files.filter((file) => listing.test(read(file)))).toEqual([]);
});

test('CONTRIBUTING.md explains every check of `pnpm check`', () => {
  const rows = read('CONTRIBUTING.md').split('### Checks of `pnpm check`')[1]?.split('Import rules')[0] ?? '';
  const explained = [...rows.matchAll(/^\| ([^|]+) \|/gm)]
    .flatMap(([, cell = '']) => cell.split(', '))
    .slice(2);
  const source = read('tools/check.ts').split('const checks')[1]?.split('\n};')[0] ?? '';
  const there = [...source.matchAll(/^ {2}'?([^':\n]+)'?: \{$/gm)].map(([, name]) => name);
  expect(explained).toEqual(there);
});
