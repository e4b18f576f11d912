import { crc32 } from 'node:zlib';

/** Archives made by hand, for tests: what no well-behaved packer would write. */

export interface TarEntry {
  path: string;
  /** tar's type flag; a regular file where there is none. */
  type?: string;
  content?: string | Buffer;
  link?: string;
  mode?: number;
  /** Seconds. */
  mtime?: number;
}

const block = 512;

export function tarOf(entries: readonly TarEntry[], options: { endMark?: boolean } = {}): Buffer {
  const blocks = entries.map(tarEntry);
  if (options.endMark !== false) blocks.push(Buffer.alloc(2 * block));
  return Buffer.concat(blocks);
}

function tarEntry(entry: TarEntry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  const header = Buffer.alloc(block);
  header.write(entry.path, 0, 100);
  header.write(octal(entry.mode ?? 0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(entry.mtime ?? 1_000_000_000, 12), 136);
  header.write(entry.type ?? '0', 156);
  header.write(entry.link ?? '', 157, 100);
  header.write('ustar\u000000', 257);
  header.write(' '.repeat(8), 148);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  const padding = Buffer.alloc((block - (content.length % block)) % block);
  return Buffer.concat([header, content, padding]);
}

/** A pax header for the entry after it. */
export function pax(records: Readonly<Record<string, string>>): TarEntry {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const bytes = Buffer.byteLength(rest);
    const length = [1, 2, 3, 4, 5].map((digits) => bytes + digits).find((sum, i) => String(sum).length === i + 1);
    return `${length}${rest}`;
  });
  return { path: 'PaxHeader', type: 'x', content: lines.join('') };
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}

export interface ZipEntry {
  path: string;
  content?: string;
  /** Unix mode with its type bits. */
  mode?: number;
  crc?: number;
  encrypted?: boolean;
  method?: number;
}

/** Stored entries only. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.path);
    const content = Buffer.from(entry.content ?? '');
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800 | (entry.encrypted ? 1 : 0), 2);
    common.writeUInt16LE(entry.method ?? 0, 4);
    common.writeUInt32LE(0x21 * 0x10000, 6);
    common.writeUInt32LE(entry.crc ?? crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, content]);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
    attributes.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, attributes, name]));
    bodies.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, central, end]);
}
