import type { CheckTarget } from '../../runtime/checks/check-plan.ts';
import { checkedUrl } from '../../runtime/checks/network-probe.ts';
import type { ProbeResult } from '../../runtime/checks/verdict.ts';
import type { ExecResult } from '../engine/engine.ts';

type NetworkTarget = Extract<CheckTarget, { type: 'HTTP' | 'TCP' }>;

// What the scripts end with when the image has no program that could do it; a shell says 126 and 127 itself.
const noProgram = 125;

/** An HTTP or TCP check as a command to run in a container, with whatever its image has: see `readInside`. */
export function insideCommand(target: NetworkTarget): string[] {
  if (target.type === 'TCP') return ['sh', '-c', listening(target)];
  const url = checkedUrl(target);
  return ['sh', '-c', fetchScript, 'sh', url.href, `${target.port}`, url.pathname + url.search];
}

/** What the command found out; undefined when the image has no program for it. */
export function readInside(target: NetworkTarget, { exitCode, output }: ExecResult): ProbeResult | undefined {
  if (exitCode >= noProgram && exitCode <= 127) return undefined;
  if (target.type === 'TCP') return { type: 'TCP', succeeded: exitCode === 0 };
  const statusCode = Number(/(\d{3})\s*$/.exec(output)?.[1] ?? 0);
  if (exitCode !== 0 || statusCode === 0)
    return { type: 'FAILED', why: 'there was no answer from within the container' };
  return { type: 'HTTP', statusCode };
}

/** Prints the last status, after redirects. Bash speaks plain HTTP without them, to 127.0.0.1 alone. */
const fetchScript = `
  if command -v curl >/dev/null 2>&1; then
    exec curl -s -L -k -g -o /dev/null -w '%{http_code}' "$1" 2>/dev/null
  fi
  if command -v wget >/dev/null 2>&1; then
    lax=
    if wget --help 2>&1 | grep -q no-check-certificate; then lax=--no-check-certificate; fi
    wget $lax -S -O /dev/null "$1" 2>&1 | sed -n 's|.*HTTP/[0-9.]* \\([0-9][0-9][0-9]\\).*|\\1|p' | tail -n 1
    exit
  fi
  case $1 in
    http://127.0.0.1:*) command -v bash >/dev/null 2>&1 || exit ${noProgram} ;;
    *) exit ${noProgram} ;;
  esac
  bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf "GET %s HTTP/1.0\\r\\nHost: 127.0.0.1:%s\\r\\nUser-Agent: mesita\\r\\n\\r\\n" "$2" "$1" >&3
    read -r version status rest <&3 && printf "%s\\n" "$status"
  ' bash "$2" "$3" 2>/dev/null
`;

/** Whether something listens on a port that a connection to loopback would reach: the kernel's table of sockets says so. */
function listening({ family, port }: Extract<NetworkTarget, { type: 'TCP' }>): string {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  const any = '0'.repeat(32);
  const own = family === 6 ? `${any}|${'0'.repeat(24)}01000000` : `00000000|0100007F|${any}`;
  const line = `^ *[0-9]+: (${own}):${hexadecimal} [0-9A-F]+:0000 0A`;
  return `[ -r /proc/net/tcp ] && command -v grep >/dev/null 2>&1 || exit ${noProgram}; grep -Eqs '${line}' /proc/net/tcp /proc/net/tcp6`;
}
