import { storeNames } from '@orderflow/devstack';
import { serviceNames } from '@orderflow/local/system';
import type { Results } from '../results.ts';
import { standIns } from '../usage.ts';
import { digits } from './format.ts';

const width = 880;
const margin = 20;
const barHeight = 40;
const legendColumns = 4;
const legendHeight = 22;
/** Light, so that dark text is readable on each; they do not change with the theme. */
const colors = [
  '#8ab6e8',
  '#ffb55a',
  '#7fd1c7',
  '#f2d45c',
  '#cfa3d6',
  '#9fd18b',
  '#f28e8b',
  '#c9b18f',
  '#b0b7c3',
];

interface Part {
  readonly name: string;
  readonly ms: number;
}

/** Where the CPU of a whole order goes when a backlog is processed, as an SVG: our processes, and the stores. */
export function cpuPicture(results: Results): string {
  const partOf = (name: string): Part => ({
    name,
    ms: results.value('saga', `saturation: CPU of ${name}`) ?? 0,
  });
  // A service that is newer than the last run is not drawn as costing nothing.
  const isMeasured = (name: string) => results.value('saga', `saturation: CPU of ${name}`) !== undefined;
  const sorted = (names: readonly string[]) =>
    names
      .filter(isMeasured)
      .map(partOf)
      .sort((a, b) => b.ms - a.ms);
  const bars = [
    { title: 'our processes', all: 'all our processes', parts: sorted(serviceNames) },
    { title: 'stores', all: 'all stores', parts: sorted(storeNames) },
  ];
  const longest = Math.max(...bars.map(({ parts }) => sum(parts)), Number.EPSILON);
  const drawn: string[] = [];
  let y = 62;
  for (const { title, all, parts } of bars) {
    drawn.push(text(margin, y, `${title}: ${digits(partOf(all).ms)} ms`, 'strong'));
    drawn.push(...barOf(parts, y + 10, (width - 2 * margin) / longest));
    drawn.push(...legendOf(parts, y + barHeight + 34));
    y += barHeight + 34 + Math.ceil(parts.length / legendColumns) * legendHeight + 24;
  }
  const title = `CPU of a whole order from a backlog: ${digits(partOf('a whole order').ms)} ms`;
  const height = y - 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
  <style>
    .page { fill: #ffffff }
    text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
    .title { font-size: 17px; font-weight: 600 }
    .strong { font-weight: 600 }
    .inside { fill: #1f2328; text-anchor: middle }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      text { fill: #e6edf3 }
      .inside { fill: #1f2328 }
    }
  </style>
  <defs>
    <pattern id="stand-in" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="3" height="7" fill="#1f2328" fill-opacity="0.22"/>
    </pattern>
  </defs>
  <rect class="page" width="${width}" height="${height}" rx="8"/>
  ${text(margin, 32, title, 'title')}
${drawn.map((line) => `  ${line}`).join('\n')}
</svg>
`;
}

const sum = (parts: readonly Part[]) => parts.reduce((all, { ms }) => all + ms, 0);
const colorOf = (index: number) => colors[index % colors.length] ?? '';

function barOf(parts: readonly Part[], y: number, pixelsPerMs: number): string[] {
  let x = margin;
  return parts.flatMap(({ name, ms }, index) => {
    const long = ms * pixelsPerMs;
    const from = x;
    x += long;
    const area = `x="${from.toFixed(1)}" y="${y}" width="${long.toFixed(1)}" height="${barHeight}"`;
    return [
      `<rect ${area} fill="${colorOf(index)}"/>`,
      ...(standIns.includes(name) ? [`<rect ${area} fill="url(#stand-in)"/>`] : []),
      ...(long > 34 ? [text(from + long / 2, y + barHeight / 2 + 5, ms.toFixed(2), 'inside')] : []),
    ];
  });
}

function legendOf(parts: readonly Part[], y: number): string[] {
  const columnWidth = (width - 2 * margin) / legendColumns;
  return parts.flatMap(({ name, ms }, index) => {
    const x = margin + (index % legendColumns) * columnWidth;
    const at = y + Math.floor(index / legendColumns) * legendHeight;
    const square = `x="${x}" y="${at - 11}" width="12" height="12"`;
    return [
      `<rect ${square} fill="${colorOf(index)}"/>`,
      ...(standIns.includes(name) ? [`<rect ${square} fill="url(#stand-in)"/>`] : []),
      text(x + 19, at, `${name} ${ms.toFixed(2)}`),
    ];
  });
}

function text(x: number, y: number, content: string, kind?: string): string {
  const style = kind === undefined ? '' : ` class="${kind}"`;
  return `<text x="${x.toFixed(1)}" y="${y}"${style}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
