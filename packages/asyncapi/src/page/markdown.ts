/** Text of the document as HTML. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => names[character] ?? '');
}

/** Renders the Markdown that descriptions have: paragraphs, lists, `code` and **strong**. */
export function blocksOf(markdown: string): string {
  return markdown
    .trim()
    .split(/\n\s*\n/)
    .filter((block) => block !== '')
    .map((block) => (block.startsWith('- ') ? listOf(block) : `<p>${inlineOf(block)}</p>`))
    .join('\n');
}

function listOf(block: string): string {
  const items = block.split(/^- /m).filter((item) => item.trim() !== '');
  return `<ul>${items.map((item) => `<li>${inlineOf(item.trim())}</li>`).join('')}</ul>`;
}

/** Renders one line of such Markdown. */
export function inlineOf(markdown: string): string {
  return escapeHtml(markdown)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
}
