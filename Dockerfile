# syntax=docker/dockerfile:1
ARG NODE_IMAGE=node:24-bookworm-slim

# The web app, as the browser gets it.
FROM ${NODE_IMAGE} AS web
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/client/package.json packages/client/
COPY packages/web/package.json packages/web/
RUN --mount=type=cache,target=/root/.npm npm ci --workspace packages/web
COPY tsconfig.json ./
COPY scripts/build-web.ts scripts/
COPY packages/protocol packages/protocol
COPY packages/client packages/client
COPY packages/web packages/web
RUN node scripts/build-web.ts

# What the server stands on, and nothing else: naming its workspace leaves out the web app's packages and the Node that
# npm would bring along, and --omit=dev the tools. Passwords are hashed by a prebuilt binary, an optional package.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/server/package.json packages/server/
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --workspace packages/server

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Parley" \
      org.opencontainers.image.description="Self-hosted team chat that never loses, duplicates or reorders a message." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
ENV NODE_ENV=production \
    PARLEY_DATA_DIR=/data \
    PARLEY_LOG_DIR=/data/logs
WORKDIR /app
COPY --from=dependencies /app ./
COPY packages/protocol packages/protocol
COPY packages/server packages/server
COPY --from=web /app/packages/web/dist packages/web/dist
RUN install --directory --owner=node --group=node --mode=700 /data \
 && ln --symbolic /app/packages/server/bin/parley.js /usr/local/bin/parley
USER 1000:1000
# All that is ever written. The rest may be read-only.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether it lives, not whether it is ready: some orchestrators end what is unhealthy, and while the database is away
# that would only cut off everybody's sockets.
HEALTHCHECK --interval=30s --timeout=6s --start-period=90s --retries=3 \
  CMD ["node", "/app/packages/server/bin/parley.js", "health", "--live"]
ENTRYPOINT ["node", "/app/packages/server/bin/parley.js"]
CMD ["serve"]
