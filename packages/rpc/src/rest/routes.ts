import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
  ScalarType,
} from '@bufbuild/protobuf';
import { http } from '@orderflow/contracts/google/api/annotations';
import type { HttpRule } from '@orderflow/contracts/google/api/http';
import { parsePathTemplate, type Segment } from './path-template.ts';
import { type Parameter, queryParameters } from './query-parameters.ts';

/** A method of a service as one HTTP method on one path. */
export interface Route {
  readonly method: DescMethod;
  readonly httpMethod: string;
  /** As declared, such as `/orders/{order_id}`. */
  readonly template: string;
  readonly segments: readonly Segment[];
  /** The variables of the path, in their order. */
  readonly variables: readonly Parameter[];
  readonly body: RouteBody | undefined;
  /** By every name that a request may use: `customer_id`, `customerId`. */
  readonly query: ReadonlyMap<string, Parameter>;
  /** The response is this field of the method's response; undefined: all of it. */
  readonly responseField: DescField | undefined;
}

/** What the body of a request is. */
export interface RouteBody {
  readonly desc: DescMessage;
  /** The field of the method's request that it is; undefined: the request itself. */
  readonly field: DescField | undefined;
}

/**
 * Reads the routes of services from the `google.api.http` annotations of their methods.
 * @throws Error when an annotation is wrong, or has something that is not supported
 */
export function routesOf(services: readonly DescService[]): Route[] {
  return services.flatMap(({ methods }) => methods.flatMap(routesOfMethod));
}

/** Reads the routes of one method, see {@link routesOf}; there are none without an annotation. */
export function routesOfMethod(method: DescMethod): Route[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  try {
    return [rule, ...rule.additionalBindings].map((binding) => routeOf(method, binding, binding !== rule));
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`google.api.http of ${method.parent.typeName}.${method.name}: ${message}`);
  }
}

function routeOf(method: DescMethod, rule: HttpRule, isAdditional: boolean): Route {
  if (method.methodKind !== 'unary') throw new Error('streams are not supported');
  if (rule.selector !== '') throw new Error('a selector is not supported');
  if (isAdditional && rule.additionalBindings.length > 0) throw new Error('bindings are nested');
  const { httpMethod, template } = patternOf(rule);
  const segments = parsePathTemplate(template);
  const variables = segments.flatMap((segment) =>
    'variable' in segment ? [pathParameter(method.input, segment.variable)] : [],
  );
  const body = bodyOf(method, httpMethod, rule.body);
  const route = { method, httpMethod, template, segments, variables, body };
  return {
    ...route,
    // The body is the rest of the request, or there are parameters beside it.
    query:
      body !== undefined && body.field === undefined
        ? new Map()
        : queryParameters(method.input, [...variables, ...(body?.field ? [{ fields: [body.field] }] : [])]),
    responseField: responseFieldOf(method, rule.responseBody),
  };
}

function patternOf({ pattern }: HttpRule): { httpMethod: string; template: string } {
  switch (pattern.case) {
    case 'get':
    case 'put':
    case 'post':
    case 'delete':
      return { httpMethod: pattern.case.toUpperCase(), template: pattern.value };
    default:
      throw new Error(`${pattern.case ?? 'a rule without a path'} is not supported`);
  }
}

function bodyOf(method: DescMethod, httpMethod: string, name: string): RouteBody | undefined {
  if (name === '') return undefined;
  if (httpMethod === 'GET' || httpMethod === 'DELETE') throw new Error(`${httpMethod} takes no body`);
  if (name === '*') return { desc: method.input, field: undefined };
  const field = fieldNamed(method.input, name);
  if (field.fieldKind !== 'message') throw new Error(`the body "${name}" is not a message`);
  return { desc: field.message, field };
}

function responseFieldOf(method: DescMethod, name: string): DescField | undefined {
  if (name === '') return undefined;
  const field = fieldNamed(method.output, name);
  if (field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message'))
    return field;
  throw new Error(`the response_body "${name}" is neither a message nor a list of messages`);
}

/** A variable is a text or a whole number, also inside of messages. */
function pathParameter(desc: DescMessage, path: string): Parameter {
  const fields: DescField[] = [];
  let inside: DescMessage | undefined = desc;
  for (const name of path.split('.')) {
    if (inside === undefined) throw new Error(`the variable {${path}} is not a field of ${desc.typeName}`);
    const field = fieldNamed(inside, name);
    fields.push(field);
    inside = field.fieldKind === 'message' ? field.message : undefined;
  }
  const last = fields.at(-1);
  if (last?.fieldKind !== 'scalar' || !variableTypes.has(last.scalar)) {
    throw new Error(`the variable {${path}} is neither a text nor a whole number`);
  }
  return { fields };
}

const variableTypes: ReadonlySet<ScalarType> = new Set([
  ScalarType.STRING,
  ScalarType.INT32,
  ScalarType.INT64,
  ScalarType.UINT32,
  ScalarType.UINT64,
]);

function fieldNamed(desc: DescMessage, name: string): DescField {
  const field = desc.fields.find((field) => field.name === name);
  if (field === undefined) throw new Error(`${desc.typeName} has no field "${name}"`);
  return field;
}
