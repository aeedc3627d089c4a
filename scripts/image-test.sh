#!/bin/sh
# Builds the image from the Dockerfile, for this machine's architecture and for another, and runs it as it is meant to
# be run: its own user, a read-only root, nothing in the environment but AMPLITUDE_*. With a docker engine where one
# runs; else, as root on Debian, with buildah and stand-ins for the base images, since neither needs a registry.
set -eu
cd "$(dirname "$0")/.."

MANIFEST=${MANIFEST:-builder-config.small.yaml}
VERSION=1.2.3
REVISION=0123456789abcdef0123456789abcdef01234567
NAME=flagsmith-otel-collector
OWNER=65532
# Beside its binary the image has a base of some 2 MB.
MOST_BESIDES_BINARY=10000000

step() { echo "== $*"; }

fail() {
	echo "image: $*" >&2
	exit 1
}

# quietly COMMAND...: what it prints is shown only if it fails.
quietly() {
	if ! "$@" >"$work/log" 2>&1; then
		tail -n 60 "$work/log" >&2
		fail "failed: $*"
	fi
}

# within SECONDS WHAT COMMAND...: tries until it succeeds.
within() {
	tries=$(($1 * 10))
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ "$tries" = 0 ]; then
			cat "$work"/*.log >&2
			fail "$what: not in time"
		fi
		sleep 0.1
	done
}

# json EXPRESSION: of the JSON on standard input, as `it`.
json() { node -p "const it = JSON.parse(require('node:fs').readFileSync(0, 'utf8')); $1"; }

# With docker: every word is the engine's own.

docker_build() {
	docker_tag=$1
	shift
	docker build --quiet --tag "$NAME:$docker_tag" "$@" .
}
docker_config() { docker image inspect "$NAME:$1" | json 'JSON.stringify(it[0].Config)'; }
docker_size() { docker image inspect --format '{{.Size}}' "$NAME:$1"; }
docker_binary() {
	container=$(docker create --platform "linux/$1" "$NAME:$2")
	docker cp "$container:/$NAME" "$3"
	docker rm "$container" >/dev/null
}

docker_run() {
	start_amplitude 0.0.0.0
	container=$(docker run --detach --read-only --cap-drop ALL --security-opt no-new-privileges \
		--publish 127.0.0.1::4318 --publish 127.0.0.1::13133 --add-host host.docker.internal:host-gateway \
		--env AMPLITUDE_API_KEY=local-api-key \
		--env AMPLITUDE_ENDPOINT="http://host.docker.internal:$amplitude_port/2/httpapi" "$NAME:$tag")
	docker logs --follow "$container" >"$work/collector.log" 2>&1 &
	deliver "$(docker port "$container" 4318/tcp)" "$(docker port "$container" 13133/tcp)"

	step 'as its own user, on a read-only root'
	[ "$(docker top "$container" -eo pid,uid | awk 'NR == 2 { print $2 }')" = $OWNER ] || fail "does not run as $OWNER"
	! docker cp Dockerfile "$container:/" 2>/dev/null || fail 'its root can be written to'

	step 'shut down in order'
	docker stop -t 40 "$container" >/dev/null
	[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail 'did not shut down in order'
	docker rm "$container" >/dev/null
}

docker_clean() {
	[ -z "${container:-}" ] || docker rm --force "$container" >/dev/null 2>&1 || true
	docker image rm --force "$NAME:$tag" "$NAME:$tag-other" >/dev/null 2>&1 || true
}

# With buildah: chroot isolation, and a storage of our own, which goes as a whole.

buildah_() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }

buildah_setup() {
	[ "$(id -u)" = 0 ] || fail 'needs a docker engine that runs, or root for buildah'
	if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
		command -v apt-get >/dev/null || fail 'needs a docker engine that runs, or buildah and debootstrap'
		step 'install buildah and debootstrap'
		quietly apt-get update
		quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y buildah debootstrap
	fi
	# Nothing local has the name of a digest.
	sed 's/@sha256:[0-9a-f]*//' Dockerfile >"$work/Dockerfile"
	bases=$(sed -n 's/^FROM \(--platform=[^ ]* \)\{0,1\}\([^ ]*\).*/\2/p' "$work/Dockerfile")

	for base in $bases; do
		container=$(buildah_ from scratch)
		root=$(buildah_ mount "$container")
		case $base in
		golang:*) golang_base ;;
		*/distroless/*) distroless_base ;;
		*) fail "no stand-in is known for $base" ;;
		esac
		buildah_ umount "$container" >/dev/null
		buildah_ commit --quiet --rm "$container" "$base" >/dev/null
	done
}

# Debian with the Go of this machine, which reaches modules as this machine does.
golang_base() {
	step "a stand-in for $base, with $(go env GOVERSION)"
	quietly debootstrap --variant=minbase --include=ca-certificates "${base##*-}" "$root"
	cp -a "$(go env GOROOT)" "$root/usr/local/go"
	[ -z "${SSL_CERT_FILE:-}" ] || cat "$SSL_CERT_FILE" >>"$root/etc/ssl/certs/ca-certificates.crt"
	buildah_ config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		--env GOPATH=/go --env GOTOOLCHAIN=local "$container"
	for name in GOPROXY GOSUMDB GOFLAGS HTTP_PROXY HTTPS_PROXY NO_PROXY; do
		value=$(go env $name)
		[ -n "$value" ] || value=$(printenv $name || true)
		# A module that a proxy does not have fails at once, rather than after its origin was tried.
		[ -z "$value" ] || buildah_ config --env "$name=${value%,direct}" "$container"
	done
}

distroless_base() {
	step "a stand-in for $base, which holds next to nothing"
	mkdir -p "$root/dev" "$root/etc/ssl/certs" "$root/home/nonroot" "$root/proc" "$root/sys" "$root/tmp"
	chmod 1777 "$root/tmp"
	chown $OWNER:$OWNER "$root/home/nonroot"
	echo "nonroot:x:$OWNER:$OWNER:nonroot:/home/nonroot:/sbin/nologin" >"$root/etc/passwd"
	cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	# Engines bring it to every container.
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	buildah_ config --user $OWNER --workingdir /home/nonroot "$container"
}

buildah_build() {
	buildah_tag=$1
	shift
	# Its cache mounts would begin empty; what this machine has in store takes their place.
	modules=$(go env GOMODCACHE)
	[ ! -d "$modules" ] || set -- "$@" --volume "$modules:/go/pkg/mod"
	compiled=$(go env GOCACHE)
	[ ! -d "$compiled" ] || set -- "$@" --volume "$compiled:/root/.cache/go-build"
	# buildah 1.28 does not set BUILDPLATFORM where FROM needs it.
	TMPDIR=$work buildah_ bud --pull-never --isolation chroot --network host --build-arg BUILDPLATFORM="linux/$arch" \
		--file "$work/Dockerfile" --tag "$NAME:$buildah_tag" "$@" .
}

buildah_config() { buildah_ inspect --type image "$NAME:$1" | json 'JSON.stringify(it.OCIv1.config)'; }
buildah_size() {
	buildah_ inspect --type image "$NAME:$1" |
		json 'JSON.parse(it.Manifest).layers.reduce((sum, { size }) => sum + size, 0)'
}

# buildah_binary ARCH TAG FILE
buildah_binary() {
	container=$(buildah_ from --pull-never --arch "$1" "$NAME:$2")
	cp "$(buildah_ mount "$container")/$NAME" "$3"
	buildah_ rm "$container" >/dev/null
}

# Namespaces of its own: free ports, a root that is read-only for it alone, and an end of all processes with the first.
buildah_run() {
	container=$(buildah_ from --pull-never "$NAME:$tag")
	buildah_ mount "$container" >"$work/root"
	buildah_config "$tag" | json 'it.Entrypoint.concat(it.Cmd).join("\n")' >"$work/command"
	mkdir "$work/view"
	work=$work unshare --mount --net --pid --fork --kill-child --mount-proc sh scripts/image-test.sh --inside
}

inside() {
	view=$work/view
	ip link set lo up
	mount --bind "$(cat "$work/root")" "$view"
	mount -o remount,bind,ro "$view"
	mount -t proc proc "$view/proc"
	start_amplitude 127.0.0.1

	# shellcheck disable=SC2046 # a word a line
	env -i AMPLITUDE_API_KEY=local-api-key AMPLITUDE_ENDPOINT="http://127.0.0.1:$amplitude_port/2/httpapi" \
		"$(command -v chroot)" --userspec=$OWNER:$OWNER --groups= "$view" $(cat "$work/command") >"$work/collector.log" 2>&1 &
	collector=$!
	deliver 127.0.0.1:4318 127.0.0.1:13133

	step 'as its own user, on a read-only root'
	[ "$(sed -n 's/^Uid:\t//p' /proc/$collector/status)" = "$(printf '%s\t%s\t%s\t%s' $OWNER $OWNER $OWNER $OWNER)" ] ||
		fail "does not run as $OWNER"
	[ -z "$(sed -n 's/^Groups:[[:space:]]*//p' /proc/$collector/status)" ] || fail 'is in other groups'
	# As root, whom nothing but a read-only file system stops, in the file system that the process sees.
	find "/proc/$collector/root/" -path '*/root/proc' -prune -o -type d -print >"$work/directories"
	[ -s "$work/directories" ] || fail 'its root cannot be looked at'
	while read -r directory; do
		! touch "$directory/written" 2>"$work/refusal" || fail "$directory can be written to"
		grep -q 'Read-only file system' "$work/refusal" || fail "$(cat "$work/refusal")"
	done <"$work/directories"

	step 'shut down in order'
	kill "$collector"
	wait "$collector" || fail 'did not shut down in order'
	kill "$amplitude"
}

buildah_clean() {
	[ -d "$work/storage" ] || return 0
	buildah_ rm --all >/dev/null 2>&1 || true
	buildah_ rmi --all --force >/dev/null 2>&1 || true
	umount "$work/storage/overlay" 2>/dev/null || true
	# What is mounted, such as a cache, would be deleted with it.
	! grep "$work/" /proc/self/mountinfo >&2 || fail "is left with mounts: $work"
}

# With either.

# build ARCH TAG
build() {
	quietly "${engine}_build" "$2" --platform "linux/$1" \
		--build-arg MANIFEST="$MANIFEST" --build-arg VERSION=$VERSION --build-arg REVISION=$REVISION
}

# start_amplitude HOST
start_amplitude() {
	node --import tsx local-amplitude/main.ts --host "$1" --port 0 >"$work/events" 2>"$work/amplitude.log" &
	amplitude=$!
	within 30 'the local Amplitude' grep -q 'listens on' "$work/amplitude.log"
	amplitude_port=$(sed -n 's/.*listens on [^ ]*:\([0-9]*\) .*/\1/p' "$work/amplitude.log")
}

# deliver OTLP HEALTH: sees it healthy, and an event through it.
deliver() {
	step 'healthy'
	within 30 'healthy' curl --fail --silent "http://$2/"

	step 'an event arrives at Amplitude'
	curl --fail --silent --show-error "http://$1/v1/logs" --header 'Content-Type: application/json' --data \
		'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"'"$(date +%s)"'000000000","eventName":"image.tested","attributes":[{"key":"amplitude.user_id","value":{"stringValue":"user-1234"}}]}]}]}]}' >/dev/null
	within 30 'the event' grep -q '"event_type":"image.tested"' "$work/events"
	! grep "$(printf '\t\\(error\\|fatal\\)\t')" "$work/collector.log" || fail 'errors are in its log'
}

check_config() {
	step 'labels, user, ports'
	"${engine}_config" "$tag" >"$work/config"
	json '[it.User, it.Entrypoint, it.Cmd, Object.keys(it.ExposedPorts).sort()].join(" ")' <"$work/config" >"$work/got"
	echo "$OWNER:$OWNER /$NAME --config,/etc/otelcol/config.yaml 13133/tcp,4317/tcp,4318/tcp" | diff - "$work/got" ||
		fail 'user, command or ports differ'
	json 'Object.entries(it.Labels).filter(([key]) => key.startsWith("org.opencontainers.image.")).map(([key, value]) => key.slice(25) + ": " + value).sort().join("\n")' \
		<"$work/config" >"$work/got"
	diff - "$work/got" <<-LABELS || fail 'labels differ'
		description: OpenTelemetry Collector with an exporter for Amplitude
		licenses: BSD-3-Clause
		revision: $REVISION
		source: https://github.com/Flagsmith/flagsmith-otel-collector
		title: $NAME
		version: $VERSION
	LABELS
}

# check_binary ARCH TAG
check_binary() {
	"${engine}_binary" "$1" "$2" "$work/binary"
	go version -m "$work/binary" >"$work/got"
	for setting in GOOS=linux "GOARCH=$1" CGO_ENABLED=0; do
		grep -q "	$setting\$" "$work/got" || fail "its binary was not built with $setting"
	done
}

clean() {
	kill ${amplitude:+"$amplitude"} 2>/dev/null || true
	"${engine}_clean"
	rm -rf "$work"
}

main() {
	command -v go >/dev/null || fail 'needs Go'
	[ -d node_modules ] || fail 'needs node_modules: run npm ci'
	arch=$(go env GOHOSTARCH)
	other=arm64
	[ "$arch" != arm64 ] || other=amd64
	# Not what another run at the same time makes.
	tag=test-$$
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/image-test.XXXXXX")
	engine=buildah
	! docker info >/dev/null 2>&1 || engine=docker
	trap clean EXIT
	trap 'exit 1' INT TERM
	[ $engine = docker ] || buildah_setup

	step "build for $arch with $engine"
	build "$arch" "$tag"
	check_binary "$arch" "$tag"
	[ "$("$work/binary" --version)" = "$NAME version $VERSION" ] || fail "its version is $("$work/binary" --version)"
	check_config
	size=$(${engine}_size "$tag")
	binary_size=$(wc -c <"$work/binary")
	echo "$((size / 1000000)) MB, of which $((binary_size / 1000000)) MB the binary"
	[ $((size - binary_size)) -lt $MOST_BESIDES_BINARY ] || fail 'more is in the image than belongs there'
	${engine}_run

	step "build for $other"
	build "$other" "$tag-other"
	check_binary "$other" "$tag-other"
	echo 'image: ok'
}

if [ "${1:-}" = --inside ]; then
	trap 'exit 1' INT TERM
	inside
else
	main
fi
