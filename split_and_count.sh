#!/bin/sh
# Counts the words of FILE in CHUNKS pieces (4), and says how much memory that took.
# Usage: sh split_and_count.sh FILE [CHUNKS]
set -eu
file=${1:?usage: split_and_count.sh FILE [CHUNKS]}
chunks=${2:-4}

pieces=$(mktemp -d)
trap 'rm -rf "$pieces"' EXIT
# Cut at line ends, so that no word is cut in two.
if [ "$chunks" -gt 1 ]; then split -n "l/$chunks" -d "$file" "$pieces/chunk-"; else ln -s "$(realpath "$file")" "$pieces/chunk-00"; fi

total=0
for piece in "$pieces"/chunk-*; do
  words=$(wc -w < "$piece")
  printf '%s %s words\n' "$(basename "$piece")" "$words"
  total=$((total + words))
done
printf 'total %s words\n' "$total"

# The kernel's own high-water mark of this container, by either version of cgroups.
for mark in /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.current; do
  if [ -r "$mark" ]; then printf 'peak %s bytes\n' "$(cat "$mark")"; break; fi
done
