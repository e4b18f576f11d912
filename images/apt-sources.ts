/** One archive that apt takes packages from. */
export interface AptSource {
  uri: string;
  suites: readonly string[];
  components: readonly string[];
  /** The keyring file its releases are signed with, where it names one. */
  signedBy?: string;
}

/** Reads a file of /etc/apt/sources.list.d, in the one-line form or (`.sources`) the stanza form. Sources of source code and disabled ones are left out. */
export function parseAptSources(text: string, form: 'list' | 'sources'): AptSource[] {
  return form === 'list' ? parseLines(text) : parseStanzas(text);
}

function parseLines(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    const [, options = '', uri, suite, components = ''] = match ?? [];
    if (uri === undefined || suite === undefined) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [source([uri], [suite], words(components), signedBy)].flat();
  });
}

function parseStanzas(text: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = readFields(stanza);
    if (!words(fields.get('types')).includes('deb') || fields.get('enabled')?.toLowerCase() === 'no') return [];
    const suites = words(fields.get('suites'));
    return source(words(fields.get('uris')), suites, words(fields.get('components')), fields.get('signed-by'));
  });
}

function readFields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    if (match !== null) {
      last = (match[1] ?? '').toLowerCase();
      fields.set(last, match[2] ?? '');
    } else if (/^\s/.test(line)) {
      fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`);
    }
  }
  return fields;
}

function source(uris: string[], suites: string[], components: string[], signedBy: string | undefined): AptSource[] {
  // A keyring is named by its path; a key may also be written out in place, which no other program takes.
  const keyring = signedBy?.trim().startsWith('/') === true ? { signedBy: signedBy.trim() } : {};
  return uris.map((uri) => ({ uri, suites, components, ...keyring }));
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/** The source that holds the release itself, not its updates: a bootstrap starts from that. */
export function releaseSource(sources: readonly AptSource[], suite: string): AptSource | undefined {
  return sources.find(
    (candidate) =>
      candidate.suites.includes(suite) &&
      candidate.components.includes('main') &&
      /^(https?|file|mirror(\+file|\+https?)?):/.test(candidate.uri),
  );
}

/** The environment that makes other programs use apt's proxy, from what `apt-config dump` prints. */
export function proxyEnvironment(aptConfig: string, uri: string): Record<string, string> {
  const scheme = /^(https?):/.exec(uri)?.[1];
  if (scheme === undefined) return {};
  const host = new URL(uri).host;
  const setting = (name: string) => aptValue(aptConfig, name) || undefined;
  const proxy =
    setting(`Acquire::${scheme}::Proxy::${host}`) ??
    setting(`Acquire::${scheme}::Proxy`) ??
    // apt goes through the proxy for http where none is set for https.
    (scheme === 'https' ? setting('Acquire::http::Proxy') : undefined);
  return proxy === undefined || proxy === 'DIRECT' ? {} : { [`${scheme}_proxy`]: proxy };
}

function aptValue(aptConfig: string, name: string): string | undefined {
  for (const line of aptConfig.split('\n')) {
    const match = /^(\S+) "(.*)";$/.exec(line.trim());
    if (match?.[1]?.toLowerCase() === name.toLowerCase()) return match[2];
  }
  return undefined;
}
