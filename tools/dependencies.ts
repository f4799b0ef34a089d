// Checks what the manifests of packages and services name. Biome refuses imports of what the nearest manifest does not
// name (noUndeclaredDependencies), so these rules hold for imports, also for those of a service that is new.
import { workspacePackages } from './workspace.ts';

/** One dependency that a manifest names. */
interface Entry {
  /** The folder of the package whose manifest it is. */
  readonly from: string;
  readonly name: string;
  /** The folder of the package it names; undefined for a library. */
  readonly to: string | undefined;
  /** Whether the shipped code may import it: `dependencies`, not `devDependencies`. */
  readonly ships: boolean;
}

const isService = (folder: string) => folder.startsWith('services/');
const isPackage = (folder: string) => folder.startsWith('packages/');
/** Not in the image, so it may name what tests need. */
const testing = 'packages/testing';

/** Packages and services; everything around them may import anything. */
const rules: readonly { readonly rule: string; readonly breaks: (entry: Entry) => boolean }[] = [
  {
    rule: 'services never import each other, and packages never import services',
    breaks: ({ to }) => to !== undefined && isService(to),
  },
  {
    rule: 'what ships needs nothing of the workspace but packages, and not packages/testing',
    breaks: ({ from, to, ships }) =>
      ships && from !== testing && to !== undefined && (!isPackage(to) || to === testing),
  },
  {
    rule: 'only packages/messaging talks to Kafka',
    breaks: ({ from, name, ships }) => ships && name === 'kafkajs' && from !== 'packages/messaging',
  },
];

const packages = workspacePackages();
const folderOf = new Map(packages.map(({ folder, manifest }) => [manifest.name, folder]));
const entries = packages.flatMap(
  ({ folder: from, manifest: { dependencies = {}, devDependencies = {} } }): Entry[] => [
    ...Object.keys(dependencies).map((name) => ({ from, name, to: folderOf.get(name), ships: true })),
    ...Object.keys(devDependencies).map((name) => ({ from, name, to: folderOf.get(name), ships: false })),
  ],
);

/** Returns packages that depend on each other in a cycle, the first of them repeated at the end. */
function findCycle(): string[] | undefined {
  const done = new Set<string>();
  const visit = (folder: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(folder)) return [...path.slice(path.indexOf(folder)), folder];
    if (done.has(folder)) return undefined;
    for (const { from, to } of entries) {
      const cycle = from === folder && to !== undefined ? visit(to, [...path, folder]) : undefined;
      if (cycle !== undefined) return cycle;
    }
    done.add(folder);
    return undefined;
  };
  for (const { folder } of packages) {
    const cycle = visit(folder, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

const cycle = findCycle();
const violations = [
  ...rules.flatMap(({ rule, breaks }) =>
    entries
      .filter((entry) => (isService(entry.from) || isPackage(entry.from)) && breaks(entry))
      .map(({ from, name }) => `${from}/package.json names ${name}: ${rule}`),
  ),
  ...(cycle === undefined ? [] : [`packages depend on each other in a cycle: ${cycle.join(' → ')}`]),
];
if (violations.length > 0) {
  console.error(violations.join('\n'));
  process.exit(1);
}
