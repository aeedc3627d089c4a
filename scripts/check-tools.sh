#!/bin/sh
# Says in one line what is missing to build the project, before anything is built.
set -u

fail() {
	echo "$1" >&2
	exit 1
}

# at_least HAVE WANT: whether a version such as 20.19.1 is WANT or newer.
at_least() {
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)" = "$2" ]
}

command -v go >/dev/null || fail "Go is missing: install Go 1.25 or newer, https://go.dev/dl/"
go_version=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
at_least "$go_version" 1.25 || fail "Go $go_version is too old: install Go 1.25 or newer, https://go.dev/dl/"

command -v node >/dev/null || fail "Node.js is missing: install Node.js 20.19 or newer, https://nodejs.org/"
node_version=$(node --version | sed 's/^v//; s/[^0-9.].*//')
at_least "$node_version" 20.19 || fail "Node.js $node_version is too old: install Node.js 20.19 or newer, https://nodejs.org/"
command -v npm >/dev/null || fail "npm is missing: it comes with Node.js, https://nodejs.org/"
