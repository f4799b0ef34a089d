import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';

/** Handles one unary call. */
export type Handler = (request: Message, context: HandlerContext) => Promise<Message>;

/** The implementation with every handler replaced by the result of `wrap`. Unary methods only. */
export function wrapHandlers<Service extends DescService>(
  service: Service,
  implementation: ServiceImpl<Service>,
  wrap: (method: DescMethod, handler: Handler) => Handler,
): ServiceImpl<Service> {
  // Connect types every handler by its own request and response; a generic wrapper cannot keep those types.
  const handlers = implementation as Record<string, (request: Message, context: HandlerContext) => unknown>;
  const wrapped = service.methods.map((method) => {
    const handler: Handler = async (request, context) =>
      create(method.output, (await handlers[method.localName]?.(request, context)) as Message);
    return [method.localName, wrap(method, handler)];
  });
  return Object.fromEntries(wrapped) as ServiceImpl<Service>;
}
