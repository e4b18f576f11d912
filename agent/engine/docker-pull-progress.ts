/** One line of the engine's answer to a pull. */
export interface PullLine {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { message?: string };
}

interface Layer {
  done: boolean;
  /** Bytes. */
  current: number;
  total: number;
}

/** Sums up a pull's lines, layer by layer, as one sentence for a person. */
export class PullProgress {
  private readonly image: string;
  private readonly layers = new Map<string, Layer>();

  constructor(image: string) {
    this.image = image;
  }

  note(line: PullLine): void {
    if (line.id === undefined || line.status === undefined || /^Pulling from /.test(line.status)) return;
    const layer = this.layers.get(line.id) ?? { done: false, current: 0, total: 0 };
    this.layers.set(line.id, layer);
    if (line.status === 'Downloading') {
      layer.current = line.progressDetail?.current ?? layer.current;
      layer.total = Math.max(layer.total, line.progressDetail?.total ?? 0, layer.current);
    } else if (line.status === 'Download complete' || line.status === 'Extracting') {
      layer.current = layer.total;
    } else if (line.status === 'Pull complete' || line.status === 'Already exists') {
      layer.current = layer.total;
      layer.done = true;
    }
  }

  sentence(): string {
    const layers = [...this.layers.values()];
    if (layers.length === 0) return `Pulling ${this.image}`;
    const done = layers.filter((layer) => layer.done).length;
    const current = layers.reduce((sum, layer) => sum + layer.current, 0);
    const total = layers.reduce((sum, layer) => sum + layer.total, 0);
    const bytes = total > 0 ? `, ${megabytes(current)} of ${megabytes(total)} MB` : '';
    return `Pulling ${this.image}: ${done} of ${layers.length} layers${bytes}`;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
