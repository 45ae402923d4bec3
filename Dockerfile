# The gateway, built from source. The data folder is a volume: keys, and the embedded chain, are there.
FROM rust:1.95-bookworm AS build
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
# Authorities that https and amqps addresses are checked by.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /data carbon && install -d -o carbon -m 0700 /data
COPY --from=build /src/target/release/carbon-gateway /usr/local/bin/
USER carbon
VOLUME /data
ENV CARBON_GATEWAY__HTTP__BIND=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["carbon-gateway", "--data", "/data"]
CMD ["serve"]
