import type { DescMethod } from '@bufbuild/protobuf';

/** One parameter after a media type; a value may be quoted. An empty one is allowed, such as after a final `;`. */
const parameter = /[ \t]*;[ \t]*(?:([!#$%&'*+.^`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^`|~\w-]+)))?/y;
const mediaType = /^[ \t]*([!#$%&'*+.^`|~\w-]+\/[!#$%&'*+.^`|~\w-]+)/;

/**
 * Normalizes a content type to the media type, in lower case, if its charset is UTF-8 or not given: Connect compares
 * the header with the few spellings it knows, but RFC 9110 allows more. Meaningless parameters are removed. Any other
 * header is returned unchanged.
 */
export function normalContentType(header: string): string {
  const [start, type] = mediaType.exec(header) ?? [];
  if (start === undefined || type === undefined) return header;
  parameter.lastIndex = start.length;
  let end = start.length;
  for (let match = parameter.exec(header); match; match = parameter.exec(header)) {
    const [, name, quoted, token] = match;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
    if (name?.toLowerCase() === 'charset' && !/^utf-?8$/i.test(value)) return header;
    end = parameter.lastIndex;
  }
  return /^[ \t]*$/.test(header.slice(end)) ? type.toLowerCase() : header;
}

const unaryTypes = ['application/json', 'application/proto'];
const streamTypes = ['application/connect+json', 'application/connect+proto'];
const grpcTypes = ['', '+proto', '+json'].flatMap((format) => [
  `application/grpc${format}`,
  `application/grpc-web${format}`,
]);

/** Why a call with this content type cannot be served; undefined when it can. */
export function contentTypeProblem(
  { methodKind, name }: DescMethod,
  contentType: string,
): string | undefined {
  const types = [...(methodKind === 'unary' ? unaryTypes : streamTypes), ...grpcTypes];
  if (types.includes(contentType)) return undefined;
  const spoken = `${name} accepts ${types.slice(0, -1).join(', ')} and ${types.at(-1)}, in UTF-8`;
  return contentType.startsWith('application/grpc-web-text')
    ? `application/grpc-web-text, gRPC-Web in base64, is not supported: ${spoken}`
    : spoken;
}
