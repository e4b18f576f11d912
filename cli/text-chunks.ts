import { open } from 'node:fs/promises';

export interface TextRange {
  /** Bytes; `end` is the first one after the range. */
  start: number;
  end: number;
}

const searchStep = 64 * 1024;

/** Cuts a file into ranges of about `size` bytes that end behind white space, so that no word is cut in two. */
export async function cutText(path: string, size: number): Promise<TextRange[]> {
  const file = await open(path);
  try {
    const total = (await file.stat()).size;
    const ranges: TextRange[] = [];
    for (let start = 0; start < total; ) {
      const end = start + size >= total ? total : await afterWhiteSpace(file, start + size, total);
      ranges.push({ start, end });
      start = end;
    }
    return ranges;
  } finally {
    await file.close();
  }
}

async function afterWhiteSpace(file: Awaited<ReturnType<typeof open>>, from: number, total: number): Promise<number> {
  const buffer = Buffer.alloc(searchStep);
  for (let position = from; position < total; position += searchStep) {
    const { bytesRead } = await file.read(buffer, 0, searchStep, position);
    const found = buffer.subarray(0, bytesRead).findIndex((byte) => byte === 0x20 || byte === 0x0a);
    if (found !== -1) return position + found + 1;
  }
  return total;
}
