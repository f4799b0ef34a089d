# One image for every service and role; the command chooses. TypeScript runs as it is, without a build.
# The workspace keeps its shape, because Node does not strip types from files below node_modules.

FROM node:24-slim AS manifests
WORKDIR /app
COPY . .
# Only these decide what is installed, so that a change of code leaves the next stage cached.
RUN find packages services -type f ! -name package.json -delete && find packages services -type d -empty -delete

FROM node:24-slim AS dependencies
WORKDIR /app
COPY --from=manifests /app ./
# The services and what they run on. The decoder of LZ4 is native and, like the workspace's own Node, an optional
# dependency; the image has a Node.
RUN npx -y pnpm@12 install --frozen-lockfile --prod --filter-prod '{services/**}...' \
  && rm -r node_modules/node-linux-* node_modules/.pnpm/node-linux-*

FROM node:24-slim
ENV NODE_ENV=production
# What keeps a process small: docs/operations.md, Memory.
ENV NODE_OPTIONS="--max-semi-space-size=16 --max-old-space-size=400 --expose-gc"
ENV MALLOC_ARENA_MAX="2"
WORKDIR /app
COPY --from=dependencies /app ./
COPY packages packages
COPY services services
USER node
# Every file is compiled here, once. Importing does nothing else; a main.ts reads its settings first, and refuses these
# with exit code 78.
ENV NODE_COMPILE_CACHE=/home/node/compile-cache
RUN find services/*/src -name '*.ts' ! -name main.ts -printf 'await import("/app/%p");\n' | node --input-type=module \
  && for main in services/*/src/main.ts; do LOG_LEVEL=none node $main api 2> /dev/null; [ $? = 78 ] || exit 1; done
CMD ["node", "services/order/src/main.ts", "worker"]
