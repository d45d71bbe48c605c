/** One instruction: its word, its text with continued lines joined, and the stage that it stands in. */
export interface Instruction {
  readonly word: string;
  readonly text: string;
  /** Counted from 0. */
  readonly stage: number;
}

/** Reads a Dockerfile: comments out, continued lines joined as Docker joins them. */
export function readDockerfile(file: string): readonly Instruction[] {
  const lines = file.split("\n").filter((line) => !/^\s*#/.test(line));
  const joined = lines.join("\n").replace(/\\\n/g, "").split("\n");
  let stage = -1;
  return joined.flatMap((line) => {
    const [, word = "", text = ""] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (word === "") return [];
    if (word === "FROM") stage++;
    return [{ word, text, stage }];
  });
}

/** The variables that ENV or ARG sets. */
export function variablesOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from(text.matchAll(/(\w+)=(\S*)/g), ([, name = "", value = ""]) => [name, value]));
}
