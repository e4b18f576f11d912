import type { FileInfo } from '../protocol/messages.ts';
import { type FileEntry, type FileProblem, longestRead, type ShownFiles } from './shown-files.ts';

/** LIST_FILES and READ_FILE of both operator APIs, as the messages of either API have them. */
interface FileCall {
  type?: string | undefined;
  list_files?: { path: string } | undefined;
  read_file?: { path: string; offset: number; length?: number | undefined } | undefined;
}

export type FileCallOutcome =
  | { response: { list_files: { file_infos: FileInfo[] } } | { read_file: { size: number; data: string } } }
  | { refusal: 'badRequest' | 'notFound'; text: string };

/** Carries out a valid call of one of the two types. */
export async function readFiles(
  files: Pick<ShownFiles, 'list' | 'read'>,
  { type, list_files, read_file }: FileCall,
): Promise<FileCallOutcome> {
  if (type === 'LIST_FILES') {
    const listed = await files.list(list_files?.path ?? '');
    if ('problem' in listed) return refusalOf(listed.problem);
    return { response: { list_files: { file_infos: listed.value.map(fileInfo) } } };
  }
  const { path = '', offset = 0, length = longestRead } = read_file ?? {};
  // Beyond 2^53 the codecs give bigints.
  const found = await files.read(path, Number(offset), Number(length));
  if ('problem' in found) return refusalOf(found.problem);
  const { size, data } = found.value;
  return { response: { read_file: { size, data: data.toString('base64') } } };
}

function refusalOf(problem: FileProblem): FileCallOutcome {
  if (problem.kind === 'missing') return { refusal: 'notFound', text: '' };
  return { refusal: 'badRequest', text: `${problem.message}\n` };
}

function fileInfo({ path, status, user, group }: FileEntry): FileInfo {
  return {
    path,
    nlink: status.nlink,
    size: status.size,
    mtime: { nanoseconds: Math.floor(status.mtimeMs / 1000) * 1e9 },
    mode: status.mode,
    uid: user,
    gid: group,
  };
}
