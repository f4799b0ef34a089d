import type { DescMethod } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { contentTypeProblem, normalContentType } from './content-type.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { sendNotAllowed, sendNotSpoken } from './http-pages.ts';

/**
 * Whether the request for a method of RPC has an HTTP method and a content type that Connect can handle. Sends the
 * response if not: that of Connect would have no body.
 */
export function canBeCall(req: HttpRequest, res: HttpResponse, method: DescMethod): boolean {
  const mayBeGet = method.methodKind === 'unary' && method.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS;
  const allowed = mayBeGet ? ['POST', 'GET'] : ['POST'];
  if (!allowed.includes(req.method ?? '')) {
    sendNotAllowed(res, method.name, allowed);
    return false;
  }
  const contentType = req.headers['content-type'];
  if (contentType !== undefined) req.headers['content-type'] = normalContentType(contentType);
  if (req.method !== 'POST') return true;
  const problem = contentTypeProblem(method, req.headers['content-type'] ?? '');
  if (problem === undefined) return true;
  sendNotSpoken(res, problem);
  return false;
}
