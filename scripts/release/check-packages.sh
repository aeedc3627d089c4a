#!/bin/sh
# Whether the npm packages would have what they need, and nothing else. Packs them without a file.
set -eu
cd "$(dirname "$0")/../.."

fail() {
	echo "packages: $*" >&2
	exit 1
}

# files WORKSPACE: the paths that its package has, one a line.
files() {
	npm pack --dry-run --json --ignore-scripts --workspace "$1" 2>/dev/null |
		node -e 'const [{ files }] = Object.values(JSON.parse(require("fs").readFileSync(0))); for (const { path } of files) console.log(path)'
}

core=$(files @flagsmith/amplitude-core)
for path in package.json README.md LICENSE THIRD_PARTY_NOTICES.md \
	dist/index.js dist/index.d.ts dist/testing/index.js dist/testing/index.d.ts dist/cli/main.js dist/cli/run.js \
	dist/core.wasm dist/wit/core.wit dist/generated/core.d.ts \
	dist/cli/template/gitignore dist/cli/template/src/core.test.ts dist/cli/template/.github/workflows/ci.yml; do
	echo "$core" | grep -qx "$path" || fail "@flagsmith/amplitude-core lacks $path"
done
others=$(echo "$core" | grep -vE '^(package\.json|README\.md|LICENSE|THIRD_PARTY_NOTICES\.md|dist/.*)$' || true)
[ -z "$others" ] || fail "@flagsmith/amplitude-core has $others"
tests=$(echo "$core" | grep -E '\.test\.|/testdata/|hostile' | grep -v '^dist/cli/template/' || true)
[ -z "$tests" ] || fail "@flagsmith/amplitude-core has tests: $tests"

create=$(files @flagsmith/create-amplitude-core | sort | xargs)
[ "$create" = 'LICENSE README.md main.js package.json' ] || fail "@flagsmith/create-amplitude-core has $create"
echo "packages: ok, $(echo "$core" | wc -l) files and $(echo "$create" | wc -w)"
