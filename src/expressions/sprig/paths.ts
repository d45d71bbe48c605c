import { fn, type GoFunction } from "../go-value.ts";

/** Slash-separated paths; the `os` forms are those of Linux. */
export const paths: readonly (readonly [string, GoFunction])[] = [
  ...named("base", base),
  ...named("dir", dir),
  ...named("clean", clean),
  ...named("ext", ext),
  ["isAbs", fn(["string"], ([path]) => path.startsWith("/"))],
  ["osIsAbs", fn(["string"], ([path]) => path.startsWith("/"))],
];

function named(name: string, of: (path: string) => string): readonly (readonly [string, GoFunction])[] {
  const made = fn(["string"], ([path]) => of(path));
  return [
    [name, made],
    [`os${name.charAt(0).toUpperCase()}${name.slice(1)}`, made],
  ];
}

function base(path: string): string {
  if (path === "") return ".";
  let end = path.length;
  while (end > 0 && path.charAt(end - 1) === "/") end -= 1;
  return end === 0 ? "/" : path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}

function dir(path: string): string {
  return clean(path.slice(0, path.lastIndexOf("/") + 1));
}

function ext(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot);
}

function clean(path: string): string {
  const rooted = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!rooted) kept.push(part);
  }
  const joined = kept.join("/");
  return rooted ? `/${joined}` : joined || ".";
}
