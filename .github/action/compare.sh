#!/usr/bin/env bash
# Runs a suite on the merge base and on the head of the current repository, and compares the results.
#
# Input, as environment variables:
#   SUITE      suite file, relative to the repository
#   BASE_REF   commit or branch that the head will be merged into
#   ROBENCH    command that runs robench, such as "npx robench"
#   CACHE      directory of chunks by id, kept from run to run
#   OUT        directory for base/, head/, comparison.md, comparison.html, and junit.xml
#   INSTALL    command that prepares a checkout, such as "npm ci"; default: none
#   ARGUMENTS  further arguments of "robench run"; default: none
#   MARGIN     permitted loss in percentage points; default: 0
# The exit code is 0 without a regression, 1 with one, and another one if a run failed. If the merge
# base does not have the suite, only the head runs.
set -euo pipefail
: "${SUITE:?}" "${BASE_REF:?}" "${ROBENCH:?}" "${CACHE:?}" "${OUT:?}"
mkdir -p "$CACHE" "$OUT"
CACHE=$(cd "$CACHE" && pwd)
OUT=$(cd "$OUT" && pwd)
root=$(git rev-parse --show-toplevel)
base=$(git merge-base "$BASE_REF" HEAD)
work=$(mktemp -d)
trap 'git -C "$root" worktree remove --force "$work/base" 2>/dev/null || true; rm -rf "$work"' EXIT
git -C "$root" worktree add --quiet --detach "$work/base" "$base"
if [ ! -e "$root/$SUITE" ]; then
  echo "SUITE: $SUITE does not exist in the head; give the path of a suite, relative to the" \
    'repository' >&2
  exit 2
fi
# Of another suite, perhaps. Chunks are in CACHE.
rm -rf "$OUT/base" "$OUT/head"

# Runs the suite in a checkout. Chunks are named by everything that they depend on, so those of an
# earlier run, or of the other side, are used wherever nothing that they depend on changed.
run_side() {
  local checkout=$1 results=$2 folder units code=0
  cd "$checkout"
  if [ -n "${INSTALL:-}" ]; then eval "$INSTALL" >&2; fi
  $ROBENCH plan "$SUITE" --results "$results" --json ${ARGUMENTS:-} >"$work/plan.json"
  folder=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).folder' \
    "$work/plan.json")
  units="$folder/units"
  mkdir -p "$units"
  find "$CACHE" -name '*.json' -exec cp -n {} "$units/" \;
  $ROBENCH run "$SUITE" --results "$results" --quiet ${ARGUMENTS:-} >&2 || code=$?
  find "$units" -name '*.json' -exec cp -n {} "$CACHE/" \;
  # 1: an attack failed, and the result says so.
  [ "$code" -le 1 ]
}

# Exit code 1 is for a regression. A subshell in a condition would ignore failures inside.
run_or_exit() {
  local code
  set +e
  (set -e; run_side "$@")
  code=$?
  set -e
  if [ "$code" -ne 0 ]; then
    echo "the run in $1 failed" >&2
    exit 2
  fi
}

if [ ! -e "$work/base/$SUITE" ]; then
  run_or_exit "$root" "$OUT/head"
  {
    echo "The merge base has no \`$SUITE\`, so there is nothing to compare with. The head:"
    echo
    $ROBENCH report "$OUT/head" --format markdown
  } >"$OUT/comparison.md"
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$OUT/comparison.md" >>"$GITHUB_STEP_SUMMARY"; fi
  cat "$OUT/comparison.md"
  exit 0
fi
run_or_exit "$work/base" "$OUT/base"
run_or_exit "$root" "$OUT/head"
for format in markdown html junit; do
  case $format in markdown) name=comparison.md ;; html) name=comparison.html ;; *) name=junit.xml ;; esac
  $ROBENCH compare "$OUT/base" "$OUT/head" --format "$format" --margin "${MARGIN:-0}" --out "$OUT/$name"
done
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$OUT/comparison.md" >>"$GITHUB_STEP_SUMMARY"; fi
$ROBENCH compare "$OUT/base" "$OUT/head" --margin "${MARGIN:-0}" --fail-on regression
