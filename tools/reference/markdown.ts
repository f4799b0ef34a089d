import type { DescEnum, DescMessage } from '@bufbuild/protobuf';
import { shortName } from './contracts.ts';

/** Text of a comment as Markdown has it. */
export function escapeText(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('|', '\\|');
}

/** The same in one line, for a cell of a table. */
export function cell(text: string): string {
  return escapeText(text).replaceAll(/\s*\n\s*/g, ' ');
}

/** Code in a cell of a table. */
export function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The file of a package. */
export function fileOf(packageName: string): string {
  return `${packageName}.md`;
}

/** The heading of GitHub's anchor. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** A link to a type of ours from the file of a package; the full name of any other. */
export function linkTo(desc: DescMessage | DescEnum, from: string): string {
  const { name: file, package: target } = desc.file.proto;
  if (!file.startsWith('orderflow/')) return `\`${desc.typeName}\``;
  const short = shortName(desc);
  return `[${short}](${target === from ? '' : fileOf(target)}#${anchorOf(short)})`;
}
