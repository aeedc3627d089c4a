#!/bin/sh
# The sources of the collector of this version, at build/release-sources: what goreleaser builds. MANIFEST names the
# manifest, in place of the one that is shipped.
set -eu
cd "$(dirname "$0")/../.."

version=$1
manifest=${MANIFEST:-builder-config.yaml}
sources=build/release-sources

go -C tools build -o "$PWD/build/release-builder" go.opentelemetry.io/collector/cmd/builder

rm -rf "$sources"
mkdir -p "$sources"
# A variable with a dot takes the place of the manifest's own value.
env dist.name=flagsmith-otel-collector dist.version="$version" dist.output_path="./$sources" \
	build/release-builder --config "$manifest" --skip-compilation
