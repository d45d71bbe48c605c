import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/* Values that must not come out anywhere, and the search for them: by its own means, not by those of the product. */

/** A secret by the name of what it is for; each is unlike any other text. */
export type Canaries = Readonly<Record<string, string>>;

/** Every second one has what URLs, JSON and base64 write differently. */
export function hatch<const N extends string>(names: readonly N[]): Readonly<Record<N, string>> {
  const hatched = names.map((name, at) => {
    const chance = randomBytes(9).toString("hex");
    return [name, at % 2 === 0 ? `canary-${name}-${chance}` : `cnr/+${name}"&<${chance}%3A=`] as const;
  });
  return Object.fromEntries(hatched) as Record<N, string>;
}

export interface Leak {
  readonly canary: string;
  /** Which output. */
  readonly where: string;
  readonly around: string;
}

/** Where any of them stands in a text: as it is, as other syntaxes write it, or inside of base64. */
export function findLeaks(canaries: Canaries, where: string, text: string): readonly Leak[] {
  const texts = [text, ...decodedRuns(text)];
  return Object.entries(canaries).flatMap(([canary, value]) => {
    for (const form of formsOf(value)) {
      for (const one of texts) {
        const at = one.indexOf(form);
        if (at >= 0) return [{ canary, where, around: shown(one.slice(Math.max(0, at - 120), at + form.length + 20)) }];
      }
    }
    return [];
  });
}

function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, "·");
}

/** The middle of the value is enough: a part of a secret is a leak, too. */
function formsOf(value: string): ReadonlySet<string> {
  const inJson = JSON.stringify(value).slice(1, -1);
  const percent = encodeURIComponent(value);
  const chance = /[0-9a-f]{18}/.exec(value)?.[0] ?? value;
  return new Set([value, inJson, percent, chance.slice(2, -2)]);
}

/** What stands in base64 in it, of either alphabet and wherever its groups of four begin. */
function decodedRuns(text: string): readonly string[] {
  const decoded: string[] = [];
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{24,}={0,2}/g)) {
    const plain = run.replaceAll("-", "+").replaceAll("_", "/");
    for (let from = 0; from < 4; from++) decoded.push(Buffer.from(plain.slice(from), "base64").toString("latin1"));
  }
  return decoded;
}

/** All files of a folder, as text of one byte a character. */
export async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    found.set(file.slice(folder.length + 1), (await readFile(file)).toString("latin1"));
  }
  return found;
}
