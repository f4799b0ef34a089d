// pnpm mails: compiles the templates of mails, so that nothing of MJML is needed when a mail is written; with --check
// only compares.
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import mjml2html from 'mjml';
import { root } from './run.ts';

const templates = join(root, 'services/notification/templates');
const compiled = join(templates, 'compiled');

const read = (file: string) => readFileSync(join(templates, file), 'utf8');
/** Puts the content of one kind of mail into the layout of all. */
const inLayout = (layout: string, content: string) =>
  read(layout).replace('<!-- content -->', () => read(content).trimEnd());

async function compile(kind: string): Promise<[file: string, content: string][]> {
  const { html } = await mjml2html(inLayout('layout.mjml', `${kind}.mjml`), {
    validationLevel: 'strict',
    keepComments: true,
    fonts: {},
  });
  // Mail programs cut off what is longer than about 100 KB: indentation would be half of a long table.
  const short = html.replaceAll(/^\s+|[ \t]+$/gm, '');
  return [
    [`${kind}.html`, `${short.trimEnd()}\n`],
    [`${kind}.txt`, inLayout('layout.txt', `${kind}.txt`)],
  ];
}

const kinds = globSync('*.mjml', { cwd: templates })
  .map((file) => basename(file, '.mjml'))
  .filter((kind) => kind !== 'layout')
  .sort();
const files = new Map((await Promise.all(kinds.map(compile))).flat());
if (process.argv[2] === '--check') {
  const present = readdirSync(compiled);
  const wrong = [...files]
    .filter(
      ([file, content]) => !present.includes(file) || readFileSync(join(compiled, file), 'utf8') !== content,
    )
    .map(([file]) => file)
    .concat(present.filter((file) => !files.has(file)));
  if (wrong.length > 0) {
    console.error(`templates/compiled differs from the templates: ${wrong.join(', ')}`);
    process.exit(1);
  }
} else {
  rmSync(compiled, { recursive: true, force: true });
  mkdirSync(compiled);
  for (const [file, content] of files) writeFileSync(join(compiled, file), content);
}
