import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { codeOf, TideError } from "../lib/errors.ts";
import { isTokenId, type TokenRecord, tokenRecord } from "./tokens.ts";

/** By token id, the minute in which it was last used. */
export type LastUse = ReadonlyMap<string, string>;

/**
 * The tokens of a data folder: `tokens/<id>.json`, a file for each. So the verbs that make and revoke them and a tidemill
 * that runs share no file that both would write, nothing has to be told to the other, and a revoked token is refused by
 * the next request.
 */
export class TokensFolder {
  readonly #dir: string;

  constructor(dataDir: string) {
    this.#dir = join(dataDir, "tokens");
  }

  /** Keeps it, readable for this user alone, before it resolves. Rejects with TOKENS_UNREADABLE. */
  async add(record: TokenRecord): Promise<void> {
    const file = this.#file(record.id);
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      await using handle = await open(file, "wx", 0o600);
      await handle.writeFile(`${JSON.stringify(record)}\n`);
      await handle.sync();
    } catch (cause) {
      throw new TideError("TOKENS_UNREADABLE", `writing ${file}`, { cause });
    }
  }

  /** undefined where there is none. Rejects with TOKENS_UNREADABLE. */
  async find(id: string): Promise<TokenRecord | undefined> {
    return isTokenId(id) ? readRecord(this.#file(id)) : undefined;
  }

  /** All, the oldest first. Rejects with TOKENS_UNREADABLE. */
  async list(): Promise<readonly TokenRecord[]> {
    let names: readonly string[];
    try {
      names = await readdir(this.#dir);
    } catch (cause) {
      if (isAbsent(cause)) return [];
      throw new TideError("TOKENS_UNREADABLE", `reading ${this.#dir}`, { cause });
    }
    const ids = names.flatMap((name) => (name.endsWith(".json") && isTokenId(name.slice(0, -5)) ? name : []));
    const records = await Promise.all(ids.map((name) => readRecord(join(this.#dir, name))));
    const there = records.filter((record) => record !== undefined);
    return there.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt) || (a.id < b.id ? -1 : 1));
  }

  /** Whether there was one. Rejects with TOKENS_UNREADABLE. */
  async remove(id: string): Promise<boolean> {
    if (!isTokenId(id)) return false;
    const file = this.#file(id);
    try {
      await rm(file);
      return true;
    } catch (cause) {
      if (isAbsent(cause)) return false;
      throw new TideError("TOKENS_UNREADABLE", `removing ${file}`, { cause });
    }
  }

  /** What the tidemill that runs has written; nothing where there is no such file. */
  async lastUse(): Promise<LastUse> {
    try {
      const read = lastUseForm.safeParse(JSON.parse(await readFile(this.#lastUseFile, "utf8")));
      return new Map(read.success ? read.data : []);
    } catch {
      return new Map();
    }
  }

  /** By the one tidemill that owns the data folder. */
  async writeLastUse(uses: LastUse): Promise<void> {
    const fresh = `${this.#lastUseFile}.new`;
    await writeFile(fresh, `${JSON.stringify([...uses])}\n`, { mode: 0o600 });
    await rename(fresh, this.#lastUseFile);
  }

  get #lastUseFile(): string {
    return join(this.#dir, "last-use");
  }

  #file(id: string): string {
    return join(this.#dir, `${id}.json`);
  }
}

async function readRecord(file: string): Promise<TokenRecord | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw new TideError("TOKENS_UNREADABLE", `reading ${file}`, { cause });
  }
  try {
    return tokenRecord.parse(JSON.parse(text));
  } catch {
    // the parser's own words could hold what stands in the file
    throw new TideError("TOKENS_UNREADABLE", `${file} is damaged`);
  }
}

const lastUseForm = z.array(z.tuple([z.string(), z.iso.datetime()]));

function isAbsent(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}
