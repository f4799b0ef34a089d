/** The values of a template: a text for `{{name}}`, a list for what is between `{{#name}}` and `{{/name}}`. */
export interface TemplateValues {
  readonly [name: string]: string | readonly TemplateValues[];
}

/**
 * Fills a template: `{{name}}` becomes the escaped value, and a section is repeated for each value of its list.
 * @throws Error when a value is missing, or is not what the template takes it for.
 */
export function fillTemplate(
  template: string,
  values: TemplateValues,
  escapeValue: (value: string) => string,
): string {
  return template.replaceAll(
    /\{\{#(\w+)\}\}(.*?)\{\{\/\1\}\}|\{\{(\w+)\}\}/gs,
    (_, section: string | undefined, body: string, name: string) => {
      const value = values[section ?? name];
      if (section !== undefined && Array.isArray(value))
        return value.map((each: TemplateValues) => fillTemplate(body, each, escapeValue)).join('');
      if (section === undefined && typeof value === 'string') return escapeValue(value);
      throw new Error(`a template needs the ${section ? 'list' : 'text'} "${section ?? name}"`);
    },
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\n': '<br>\n',
};

/** Escapes a text for HTML, also in an attribute; its lines stay lines. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"'\n]/g, (character) => entities[character] ?? '');
}
