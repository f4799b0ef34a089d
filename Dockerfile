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
# The services and what they run on. Optional is the workspace's own Node, and the image has one.
RUN npx -y pnpm@12 install --frozen-lockfile --prod --no-optional --filter-prod '{services/**}...'

FROM node:24-slim
ENV NODE_ENV=production
# Space for the garbage of one batch, so that it is collected before it is promoted. The old heap stays far below its
# limit: V8 derives from the limit how much the heap may grow between two collections.
ENV NODE_OPTIONS="--max-semi-space-size=16 --max-old-space-size=400"
WORKDIR /app
COPY --from=dependencies /app ./
COPY packages packages
COPY services services
USER node
CMD ["node", "services/order/src/main.ts", "worker"]
