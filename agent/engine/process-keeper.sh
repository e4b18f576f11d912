# The parent of host processes: `sh process-keeper.sh STATE-DIRECTORY`, fed by process-keeper.ts.
#
# Reads names of containers, one a line, and runs the file `containers/NAME.run`, which calls `supervise`; an empty line asks to collect what has
# ended. When its input ends (the agent stopped, or died) it goes on until its last child has ended.
#
# Of each container there is, in `notices`:
#   NAME           once it was started: its pid, and what /proc/self/stat said of its supervisor
#   NAME=STATUS    when it has ended; an empty file, so that it is there at once or not at all
cd "$1" || exit 1

# supervise NAME DIRECTORY STDOUT STDERR OOM-SCORE COMMAND…
supervise() {
  name=$1 directory=$2 stdout=$3 stderr=$4 score=$5
  shift 5
  # What ends the agent's session must not end those who keep the exit statuses. The command gets its signals back (see process-command.ts).
  trap '' HUP INT QUIT TERM
  read -r self </proc/self/stat
  status=126
  if {
    (
      [ -z "$score" ] || echo "$score" 2>/dev/null >/proc/self/oom_score_adj
      cd "$directory" && exec "$@"
    ) &
  } >>"$stdout" 2>>"$stderr"; then
    pid=$!
    echo "$pid $self" >"notices/$name"
    wait "$pid"
    status=$?
  fi
  # A full disk must not lose it.
  until true >"notices/$name=$status"; do sleep 1; done
}

while IFS= read -r name; do
  if [ -n "$name" ]; then
    { . "./containers/$name.run"; } >/dev/null 2>&1 &
  else
    jobs >/dev/null 2>&1
  fi
done
exec </dev/null
wait
