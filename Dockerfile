# The panel, then the binary, then a small image that runs as nobody in particular.
FROM node:20-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=web /src/web/dist web/dist
RUN cargo build --release --locked --features kafka-tls --bin groundcrew

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 65532 --no-create-home --shell /usr/sbin/nologin groundcrew \
 && install -d -o groundcrew /var/lib/groundcrew /var/cache/groundcrew
COPY --from=build /src/target/release/groundcrew /usr/local/bin/groundcrew
USER 65532
ENV GROUNDCREW_DATA_DIR=/var/lib/groundcrew XDG_CACHE_HOME=/var/cache
VOLUME /var/lib/groundcrew
EXPOSE 7717 4317 4318
# Other machines can only reach it with a token: set GROUNDCREW__SERVER__TOKEN_FILE and the three addresses.
ENTRYPOINT ["groundcrew"]
CMD ["serve"]
