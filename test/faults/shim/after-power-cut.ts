import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type Entry, readJournal } from "./journal.ts";
import { type Cut, UnsyncedFile } from "./unsynced-file.ts";

/** The files under a folder, by path. What is changed through mapped memory is not in it, and is left as it is. */
export type Image = ReadonlyMap<string, Buffer>;

export async function readImage(folder: string): Promise<Image> {
  const files = await filesOf(folder);
  return new Map(await Promise.all(files.map(async (path) => [path, await readFile(join(folder, path))] as const)));
}

/** Makes the folder hold this. */
export async function writeImage(folder: string, image: Image): Promise<void> {
  for (const path of await filesOf(folder)) {
    if (!image.has(path)) await rm(join(folder, path));
  }
  for (const [path, content] of image) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !/-shm$|^lock\.mdb$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

export interface Aftermath {
  readonly image: Image;
  /** Changes of files that no sync had covered when the power went. */
  readonly unsynced: number;
  /** Of these files something was unsynced. */
  readonly files: readonly string[];
}

/**
 * What a disk may hold after the power went: all that was synced, and of the rest what chance kept. Names as file systems
 * with a journal keep them (ext4, XFS, Btrfs): they change in their order, and a sync of a new file or of the folder takes
 * along all changes before it.
 */
export function afterPowerCut(before: Image, journal: Buffer, cut: Cut): Aftermath {
  const disk = new Disk(before);
  for (const entry of readJournal(journal)) disk.take(entry);
  return disk.afterCut(cut);
}

interface NameChange {
  readonly position: number;
  /** Of a creation: the file. */
  readonly made?: UnsyncedFile;
  apply(names: Map<string, UnsyncedFile>): void;
}

class Disk {
  /** As processes see them. */
  readonly #names: Map<string, UnsyncedFile>;
  readonly #durableNames: Map<string, UnsyncedFile>;
  #nameChanges: NameChange[] = [];
  readonly #byInode = new Map<bigint, UnsyncedFile>();

  constructor(before: Image) {
    this.#names = new Map(Array.from(before, ([path, content]) => [path, new UnsyncedFile(Buffer.from(content))]));
    this.#durableNames = new Map(this.#names);
  }

  take(entry: Entry): void {
    switch (entry.what) {
      case "opened":
        this.#opened(entry);
        break;
      case "written":
        this.#file(entry.inode).write(entry, entry.durable);
        break;
      case "resized":
        this.#file(entry.inode).resize(entry.position, entry.bytes);
        break;
      case "synced": {
        const file = this.#file(entry.inode);
        file.sync(entry.covers);
        this.#keepNames(this.#nameChanges.findIndex(({ made }) => made === file) + 1);
        break;
      }
      case "folder synced": {
        const later = this.#nameChanges.findIndex(({ position }) => position > entry.covers);
        this.#keepNames(later === -1 ? this.#nameChanges.length : later);
        break;
      }
      case "renamed":
        this.#rename({ position: entry.position, apply: (names) => moveName(names, entry) });
        break;
      case "unlinked":
        this.#rename({ position: entry.position, apply: (names) => void names.delete(entry.path) });
    }
  }

  afterCut(cut: Cut): Aftermath {
    const kept = { nothing: 1, contents: 1, everything: 0, some: cut.random() }[cut.loss];
    this.#keepNames(Math.round(kept * this.#nameChanges.length));
    // as processes saw them: a new file may have gone with its name
    const open = [...this.#names].filter(([, file]) => file.unsynced > 0);
    return {
      unsynced: open.reduce((sum, [, file]) => sum + file.unsynced, 0),
      files: open.map(([path]) => path),
      image: new Map(Array.from(this.#durableNames, ([path, file]) => [path, file.afterCut(cut)])),
    };
  }

  #opened({ path, inode, position }: Extract<Entry, { what: "opened" }>): void {
    const known = this.#names.get(path);
    const file = known ?? new UnsyncedFile();
    this.#byInode.set(inode, file);
    if (known === undefined) this.#rename({ position, made: file, apply: (names) => void names.set(path, file) });
  }

  #rename(change: NameChange): void {
    change.apply(this.#names);
    this.#nameChanges.push(change);
  }

  #keepNames(count: number): void {
    for (const change of this.#nameChanges.slice(0, count)) change.apply(this.#durableNames);
    this.#nameChanges = this.#nameChanges.slice(count);
  }

  #file(inode: bigint): UnsyncedFile {
    const file = this.#byInode.get(inode);
    if (file === undefined) throw new Error(`the journal changes inode ${inode}, which nobody opened`);
    return file;
  }
}

function moveName(
  names: Map<string, UnsyncedFile>,
  { from, to }: { readonly from: string; readonly to: string },
): void {
  const file = names.get(from);
  names.delete(from);
  if (file !== undefined) names.set(to, file);
}
