#!/usr/bin/env bash
# Checks which files a submission changes: entries only, and no record of a check, which maintainers
# write after they ran a sample again. A renamed file counts as one that is deleted and one that is
# added. Entries are plain files, because a link could lead to another one later.
# Usage: check-submission.sh BASE
set -euo pipefail
base=$(git merge-base "$1" HEAD)
failed=0
while IFS=$'\t' read -r modes file; do
  case $modes in
    *' 120000 '* | *' 160000 '* | *' 100755 '*)
      echo "$file: a submission adds plain files only" >&2
      failed=1
      ;;
  esac
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
done < <(git diff --raw --no-renames "$base" HEAD)
exit "$failed"
