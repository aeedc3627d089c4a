# The collector as an image: OCB builds it from a manifest, onto a base that has no shell and no root.
#   docker build -t flagsmith-otel-collector .
#   docker build -t flagsmith-otel-collector --build-arg MANIFEST=builder-config.small.yaml .

# What `--version` and the labels say.
ARG VERSION=0.0.0
ARG REVISION=unknown

# On the builder's own platform: Go cross-compiles, faster than an emulator compiles.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src

# tools/go.mod has OCB's version.
COPY tools/go.mod tools/go.sum tools/
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go -C tools build -o /usr/local/bin/builder go.opentelemetry.io/collector/cmd/builder

ARG MANIFEST=builder-config.yaml
COPY exporter/amplitudeexporter exporter/amplitudeexporter
COPY ${MANIFEST} manifest.yaml
ARG TARGETOS
ARG TARGETARCH
ARG VERSION
# A variable with a dot takes the place of the manifest's own value.
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    env CGO_ENABLED=0 GOOS="$TARGETOS" GOARCH="$TARGETARCH" \
        dist.name=flagsmith-otel-collector dist.version="$VERSION" dist.output_path=/src/collector \
        builder --config manifest.yaml

# Distroless has no tags of versions: a digest pins it, which Renovate (docker:pinDigests) writes here and keeps current.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="flagsmith-otel-collector" \
      org.opencontainers.image.description="OpenTelemetry Collector with an exporter for Amplitude" \
      org.opencontainers.image.source="https://github.com/Flagsmith/flagsmith-otel-collector" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY LICENSE THIRD_PARTY_NOTICES.md /licenses/
COPY default-config.yaml /etc/otelcol/config.yaml
COPY --from=build /src/collector/flagsmith-otel-collector /flagsmith-otel-collector

# nonroot, as a number: Kubernetes' runAsNonRoot does not look names up. It writes nowhere, so the root may be read-only.
USER 65532:65532
# OTLP over gRPC and HTTP, and health.
EXPOSE 4317 4318 13133
ENTRYPOINT ["/flagsmith-otel-collector"]
CMD ["--config", "/etc/otelcol/config.yaml"]
