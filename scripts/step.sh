#!/bin/sh
# Runs a step of something that takes long: scripts/step.sh [-v] WHAT COMMAND...
# Says WHAT as it begins, then every 20 s (or STEP_EVERY) for how long it has been going on, so that nobody wonders. The command's output
# goes to a file, and is shown where the command fails; with -v it is shown as it comes.
set -u

shows=
if [ "$1" = -v ]; then
	shows=1
	shift
fi
what=$1
shift

began=$(date +%s)
echo "$what ..."
(
	while sleep "${STEP_EVERY:-20}" >/dev/null 2>&1; do
		echo "  ... $(($(date +%s) - began)) s"
	done
) &
alive=$!
trap 'kill $alive 2>/dev/null' EXIT
trap 'exit 130' INT TERM

if [ -n "$shows" ]; then
	"$@"
	exit $?
fi
mkdir -p build/logs
log=$(mktemp build/logs/step.XXXXXX)
if "$@" >"$log" 2>&1; then
	rm -f "$log"
	exit 0
else
	code=$?
fi
cat "$log"
echo "failed: $what (exit code $code); this output is in $log too"
exit "$code"
