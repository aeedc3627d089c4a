#!/bin/sh
# Fails where something generated is not what its sources give. Changes nothing.
set -u
cd "$(dirname "$0")/.." || exit 1

module=exporter/amplitudeexporter
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
stale=0

# same WHAT COMMITTED GENERATED
same() {
	if ! diff -r "$2" "$3"; then
		echo "$1 is stale: run make generate" >&2
		stale=1
	fi
}

node --import tsx scripts/core/main.ts --check || stale=1

npx jco guest-types wit --world-name core --out-dir "$scratch/generated" --quiet || stale=1
same 'exporter/core/generated' exporter/core/generated "$scratch/generated"

node --import tsx scripts/core/main.ts --engine "$scratch/engine" || stale=1
same "$module/internal/engine" "$module/internal/engine" "$scratch/engine"

node --import tsx scripts/core/bindings.ts "$scratch/bindings" || stale=1
same 'exporter/core/testing/generated' exporter/core/testing/generated "$scratch/bindings"

cp -R "$module" "$scratch/amplitudeexporter"
(cd "$scratch/amplitudeexporter" && go generate ./...) || stale=1
same "$module" "$module" "$scratch/amplitudeexporter"

(cd "$module" && go mod tidy -diff) || stale=1
(cd "$module/internal/bench" && go mod tidy -diff) || stale=1
(cd tools && go mod tidy -diff) || stale=1
(cd tools/promrules && go mod tidy -diff) || stale=1

node --import tsx scripts/notices/main.ts --check || stale=1

[ "$stale" = 0 ] && echo 'All that is generated is fresh.'
exit "$stale"
