/**
 * Waits for whatever ends, hands SIGTERM and SIGINT on, and ends as the program does. `wait` comes back for each signal,
 * so it is asked again until the program has ended.
 */
const script = `"$@" & child=$!
trap 'kill -TERM $child 2>/dev/null' TERM INT
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
exit $status`;

/**
 * Daemons that tasks leave behind become children of the container's first process, and Node does not collect
 * children that it has not started: they would stay as zombies. Where this is the first process, it gives its place to a shell, which
 * collects all, and goes on as that one's child.
 */
export function becomeChildOfReaper(): void {
  if (process.pid !== 1) return;
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.('/bin/sh', ['sh', '-c', script, 'sh', ...again], process.env);
}
