/** What a reader chose for a file field or dropped on a tool: files, and folders with all that is in them. */
import type { GivenFiles } from "./messages";

type Given = GivenFiles["files"][number];

/** A folder of more files than this is no run and no dataset: most likely a home folder. */
const MOST_FILES = 5_000;

let versions = 0;

/** What a field was given. */
export function given(field: string, names: readonly string[], files: readonly Given[]): GivenFiles {
  versions += 1;
  return { field, version: versions, names, files };
}

/** The files that were chosen in a field. */
export function chosen(input: HTMLInputElement): GivenFiles {
  const files = [...(input.files ?? [])].map((data) => ({ name: data.name, data }));
  return given(input.name, files.map(({ name }) => name), files);
}

/** The files that were dropped on a field; folders are walked through. */
export async function dropped(input: HTMLInputElement, transfer: DataTransfer): Promise<GivenFiles> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const files: Given[] = [];
  for (const entry of entries) await walk(entry, entry.name, files);
  return given(input.name, entries.map(({ name }) => name), files);
}

async function walk(entry: FileSystemEntry, path: string, into: Given[]): Promise<void> {
  if (into.length >= MOST_FILES) throw new Error(`More than ${MOST_FILES.toLocaleString("en")} files are in there.`);
  if (entry.isFile) {
    const data = await new Promise<File>((have, fail) => (entry as FileSystemFileEntry).file(have, fail));
    into.push({ name: path, data });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A browser gives at most a hundred at a time, and an empty list at the end.
    const some = await new Promise<FileSystemEntry[]>((have, fail) => reader.readEntries(have, fail));
    if (some.length === 0) return;
    for (const one of some) await walk(one, `${path}/${one.name}`, into);
  }
}

/** Names as a sentence shows them. */
export function inWords(names: readonly string[]): string {
  if (names.length === 0) return "";
  const first = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${first} and ${names.length - 3} more` : first;
}
