#!/bin/sh
# Everything that proves the project right; `make test` has built what it needs. Goes on after a failure, and ends with
# the number of tests that passed and failed.
set -u
cd "$(dirname "$0")/../.." || exit 1

# Inputs a fuzz target. Not a time: at its end go test may fail with "context deadline exceeded" (golang/go#75804).
FUZZ_INPUTS=${FUZZ_INPUTS:-10000x}
reports=build/reports
module=exporter/amplitudeexporter
bench=$module/internal/bench

echo 'All tests take about 20 minutes on two cores, and some more at the first time, for what is compiled.'
echo "What they print, such as measurements, goes to $reports/output.txt."
rm -rf "$reports"
mkdir -p "$reports"
failures=$reports/failures.txt
: >"$failures"
passed=0
failed=0
skipped=0

# step NAME COMMAND...: a check that counts as one test.
step() {
	name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		fails "$name"
	fi
}

# fails NAME: counts a failure, and keeps its name for the end, where it is looked for.
fails() {
	failed=$((failed + 1))
	echo "failed: $1" | tee -a "$failures"
}

# count FILE: adds up what a JUnit report says.
count() {
	report=$1
	if [ ! -s "$report" ]; then
		fails "there is no report $report"
		return
	fi
	# shellcheck disable=SC2046 # three words
	set -- $(sed -n 's/.*<testsuites.* tests="\([0-9]*\)" failures="\([0-9]*\)" errors="\([0-9]*\)".*/\1 \2 \3/p' "$report")
	left_out=$(grep -c '<skipped' "$report")
	passed=$((passed + $1 - $2 - $3 - left_out))
	failed=$((failed + $2 + $3))
	skipped=$((skipped + left_out))
	# The test's name stands in the element before, what went wrong in the attribute message.
	awk '
		/<testcase / { name = $0; sub(/.* name="/, "", name); sub(/".*/, "", name) }
		/<(failure|error)[ >]/ {
			said = $0
			if (sub(/.* message="/, "", said)) sub(/".*/, "", said); else said = ""
			print "failed: " name ": " substr(said, 1, 300)
		}
	' "$report" >>"$failures"
}

# The race detector needs a C compiler, which nothing else here does.
race=
if [ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null; then
	race=-race
else
	echo 'There is no C compiler, so the Go tests run without the race detector.'
fi

step 'core.wasm is fresh and imports nothing' \
	scripts/step.sh 'Building core.wasm anew, to see that it is fresh' node --import tsx scripts/core/main.ts --check

# The measurements that tests print are no failures, and hidden where a test passes.
echo 'TypeScript and end to end, about 11 minutes ...'
npx vitest run --silent=passed-only --reporter=minimal --reporter=./scripts/test/progress.ts \
	--reporter=junit --outputFile.junit="$reports/typescript.xml"
count "$reports/typescript.xml"

# One package at a time, so that each has the machine to itself.
scripts/step.sh -v 'The Go module, about 7 minutes' sh -c "cd $module && gotestsum --format pkgname \
	--hide-summary skipped --junitfile ../../$reports/go.xml -- $race -p 1 ./..."
count "$reports/go.xml"
scripts/step.sh -v 'The benchmark, about a minute' sh -c "cd $bench && gotestsum --format pkgname \
	--hide-summary skipped --junitfile ../../../../$reports/bench.xml -- $race ./..."
count "$reports/bench.xml"

# With the outline of the engine, since none of them runs a core: coverage of the whole engine would take minutes to build.
# shellcheck disable=SC2013 # a name has no space
for file in $(cd "$module" && grep -rl --include='*_test.go' '^func Fuzz' .); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$module/$file"); do
		step "$target" scripts/step.sh "Fuzzing, $target" sh -c "cd $module && go test -tags outline -run '^$' -fuzz '^$target\$' -fuzztime $FUZZ_INPUTS -fuzzminimizetime 50x ./$(dirname "$file")"
	done
done

cat "$failures"
[ "$skipped" = 0 ] || echo "$skipped were skipped: build/reports has which"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
