#!/usr/bin/env bash
# Checks which files a submission changes: entries only, and no record of a check, which maintainers
# write after they ran a sample again.
# Usage: check-submission.sh BASE
set -euo pipefail
base=$(git merge-base "$1" HEAD)
failed=0
while IFS= read -r file; do
  case $file in
    leaderboard/entries/*.check.json)
      echo "$file: records of checks are written by maintainers (robench leaderboard check)" >&2
      failed=1
      ;;
    leaderboard/entries/*.json) ;;
    *)
      echo "$file: a submission changes files in leaderboard/entries only; open another pull request" >&2
      failed=1
      ;;
  esac
done < <(git diff --name-only "$base" HEAD)
exit "$failed"
