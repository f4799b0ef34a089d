import { decodeSegment, type Segment } from './path-template.ts';

/** What a path leads to: a route with the values of its variables as they were sent, or only other HTTP methods. */
export type Match<R> =
  | { readonly route: R; readonly values: readonly string[] }
  | { readonly allowed: readonly string[] };

/** Finds the route of a request. Of several templates that match, literals win over variables from left to right. */
export interface RouteTable<R> {
  /** @throws Error when the same HTTP method and form of path is there already */
  add(httpMethod: string, segments: readonly Segment[], route: R): void;
  /** Returns undefined when no template matches the path, which has no query. */
  find(httpMethod: string, path: string): Match<R> | undefined;
}

interface Node<R> {
  readonly literals: Map<string, Node<R>>;
  variable: Node<R> | undefined;
  readonly routes: Map<string, R>;
}

export function createRouteTable<R>(): RouteTable<R> {
  const root = newNode<R>();
  let maxSegments = 0;

  return {
    add(httpMethod, segments, route) {
      maxSegments = Math.max(maxSegments, segments.length);
      let node = root;
      for (const segment of segments) node = childOf(node, segment);
      if (node.routes.has(httpMethod)) {
        const path = segments.map((segment) => ('literal' in segment ? segment.literal : '{}')).join('/');
        throw new Error(`${httpMethod} /${path} is declared twice`);
      }
      node.routes.set(httpMethod, route);
    },

    find(httpMethod, path) {
      if (!path.startsWith('/')) return undefined;
      // One more than any template has is enough to see that none matches.
      const segments = path.slice(1).split('/', maxSegments + 1);
      const allowed = new Set<string>();
      const values: string[] = [];
      const route = search(root, 0);
      if (route !== undefined) return { route, values };
      return allowed.size > 0 ? { allowed: [...allowed].sort() } : undefined;

      function search(node: Node<R>, at: number): R | undefined {
        const segment = segments[at];
        if (segment === undefined) {
          for (const method of node.routes.keys()) allowed.add(method);
          return node.routes.get(httpMethod);
        }
        const literal = node.literals.get(decodeSegment(segment) ?? segment);
        const found = literal && search(literal, at + 1);
        if (found !== undefined || node.variable === undefined || segment === '') return found;
        values.push(segment);
        const other = search(node.variable, at + 1);
        if (other === undefined) values.pop();
        return other;
      }
    },
  };
}

function newNode<R>(): Node<R> {
  return { literals: new Map(), variable: undefined, routes: new Map() };
}

function childOf<R>(node: Node<R>, segment: Segment): Node<R> {
  if ('variable' in segment) {
    node.variable ??= newNode();
    return node.variable;
  }
  let child = node.literals.get(segment.literal);
  if (child === undefined) {
    child = newNode();
    node.literals.set(segment.literal, child);
  }
  return child;
}
