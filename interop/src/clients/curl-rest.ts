import { type DescMethod, getOption, hasOption, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import type { GenExtension } from '@bufbuild/protobuf/codegenv2';
import type { MethodOptions } from '@bufbuild/protobuf/wkt';
import { type Client, type Detail, type Ending, emptyEnding } from './client.ts';
import { methodOf } from './connect-call.ts';
import type { Contracts } from './contracts.ts';
import { runCurl, sendWithCurl } from './curl.ts';
import { fromRestJson } from './rest-json.ts';

/** A binding of a method to HTTP, as its annotation `google.api.http` has it. */
interface HttpRule {
  readonly pattern: { readonly case?: string; readonly value?: string };
  readonly body: string;
  readonly responseBody: string;
  readonly additionalBindings: readonly HttpRule[];
}

/** Returns why a method cannot be called over REST; undefined when it can. */
export function whyNotOverRest(method: DescMethod, contracts: Contracts): string | undefined {
  return ruleOf(method, contracts) === undefined ? 'the method has no REST path' : undefined;
}

function ruleOf(method: DescMethod, { registry }: Contracts): HttpRule | undefined {
  const http = registry.getExtension('google.api.http') as GenExtension<MethodOptions, never> | undefined;
  if (http === undefined) throw new Error('the contracts have no annotation google.api.http');
  return hasOption(method, http) ? (getOption(method, http) as unknown as HttpRule) : undefined;
}

/**
 * Creates the client curl that calls the REST paths of the order API at `apiUrl`. Path, parameters and body of a method
 * follow from its annotation in the export.
 */
export function createCurlRest(contracts: Contracts, apiUrl: string): Client {
  const { registry, services } = contracts;
  return {
    async call(call) {
      const { method } = methodOf(services, call);
      const rule = ruleOf(method, contracts);
      if (rule === undefined) throw new Error(`${call.service}/${call.method} has no REST path`);
      const { httpMethod, path, query, body } = bind(rule, call.request);
      const {
        status,
        headers,
        body: received,
        isCancelled,
      } = await runCurl(
        {
          method: httpMethod,
          url: `${apiUrl}${path}${query.size > 0 ? `?${query}` : ''}`,
          headers: { ...call.headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        },
        { call },
      );
      if (isCancelled) return { ...emptyEnding, code: 'canceled', message: 'interrupted' };
      const json = JSON.parse(received.toString()) as JsonObject;
      if (status >= 400) return { ...problemEnding(json), headers };
      const whole = rule.responseBody === '' ? json : { [camelCase(rule.responseBody)]: json };
      return { ...emptyEnding, headers, messages: [fromRestJson(method.output, whole, registry)] };
    },
    send: sendWithCurl,
  };
}

/**
 * Returns the HTTP request of a call: variables of the path, then the body, and the rest as parameters. Of several
 * bindings it is the first whose variables the request has.
 */
function bind(rule: HttpRule, request: JsonObject) {
  const hasVariables = ({ pattern }: HttpRule) =>
    [...(pattern.value ?? '').matchAll(VARIABLE)].every(
      ([, name = '']) => take(structuredClone(request), name.split('.').map(camelCase)) !== undefined,
    );
  const { pattern, body: bodyField } = [rule, ...rule.additionalBindings].find(hasVariables) ?? rule;
  const rest = structuredClone(request);
  const path = (pattern.value ?? '').replaceAll(VARIABLE, (_, name: string) =>
    encodeURIComponent(String(take(rest, name.split('.').map(camelCase)) ?? '')),
  );
  const whole = bodyField === '*' ? rest : bodyField === '' ? undefined : take(rest, [camelCase(bodyField)]);
  const query = new URLSearchParams();
  if (bodyField !== '*') addParameters(query, '', rest);
  const body = bodyField === '' ? undefined : (whole ?? {});
  return { httpMethod: (pattern.case ?? '').toUpperCase(), path, query, body };
}

/** A variable of a path, such as `{customer.customer_id}`. */
const VARIABLE = /\{([\w.]+)\}/g;

/** Removes a member from a request, and returns it. */
function take(json: JsonObject, [name = '', ...inner]: readonly string[]): JsonValue | undefined {
  const value = json[name];
  if (inner.length > 0) return value === undefined ? undefined : take(value as JsonObject, inner);
  delete json[name];
  return value;
}

function addParameters(query: URLSearchParams, prefix: string, json: JsonObject): void {
  for (const [name, value] of Object.entries(json)) {
    if (Array.isArray(value)) for (const item of value) query.append(`${prefix}${name}`, String(item));
    else if (typeof value === 'object' && value !== null) addParameters(query, `${prefix}${name}.`, value);
    else query.append(`${prefix}${name}`, String(value));
  }
}

const camelCase = (name: string) => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** An error over REST: RFC 9457, with members of orderflow. */
interface Problem {
  readonly status: number;
  readonly error: string;
  readonly message: string;
  readonly code: string;
  readonly metadata?: JsonObject;
  readonly violations?: readonly {
    readonly field: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

/** Returns the ending that a problem describes, with the details that RPC has for it. */
function problemEnding(json: JsonObject): Ending {
  const { status, error, message, code, metadata = {}, violations = [] } = json as unknown as Problem;
  // Where all violations of ORDER_REFUSED have one reason, `error` is that: docs/errors.md.
  const isRefused = code === 'failed_precondition' && status === 422;
  const reason = isRefused ? 'ORDER_REFUSED' : error.toUpperCase();
  const details: Detail[] = [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'orderflow', metadata },
  ];
  if (violations.length > 0) {
    details.push(
      isRefused
        ? {
            '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
            violations: violations.map((each) => ({
              ...{ type: each.reason.toUpperCase(), subject: each.field, description: each.message },
            })),
          }
        : {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: violations.map((each) => ({
              ...{ field: each.field, reason: each.reason, description: each.message },
            })),
          },
    );
  }
  return { ...emptyEnding, code, message, details };
}
