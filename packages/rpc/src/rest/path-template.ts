/** One segment of a path: text that must be there, or a variable, as the path of a field of the request. */
export type Segment = { readonly literal: string } | { readonly variable: string };

const variablePattern = /^\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}$/;
/** What a path may have without percent-encoding; braces, and `*`, which stand for patterns, are left out. */
const literalPattern = /^[A-Za-z0-9._~!$&'()+,;=:@-]+$/;

/**
 * Parses a path template of `google.api.http`. A variable is a whole segment, such as `{order_id}`.
 * @throws Error when the template has anything else than literals and such variables
 */
export function parsePathTemplate(template: string): readonly Segment[] {
  const problem = (text: string) => new Error(`the path template "${template}" ${text}`);
  if (!template.startsWith('/')) throw problem('does not begin with "/"');
  const variables = new Set<string>();
  return template
    .slice(1)
    .split('/')
    .map((segment): Segment => {
      const variable = variablePattern.exec(segment)?.[1];
      if (variable !== undefined) {
        if (variables.has(variable)) throw problem(`has the variable {${variable}} twice`);
        variables.add(variable);
        return { variable };
      }
      if (literalPattern.test(segment)) return { literal: segment };
      throw problem(
        segment === ''
          ? 'has an empty segment'
          : `has the segment "${segment}": only literals and whole segments such as {order_id} are supported`,
      );
    });
}

/** Decodes a segment of a path; undefined when its percent-encoding is not that of UTF-8 text. */
export function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
