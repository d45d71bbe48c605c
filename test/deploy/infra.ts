import { spawnSync } from "node:child_process";
import { builtProgram } from "../servers/recipes.ts";

/** What the program of the recipe `infra` finds wrong in a Compose file or a folder of Terraform: a line for each, or nothing. */
export function faultsOf(
  kind: "compose" | "terraform",
  path: string,
  env: Readonly<Record<string, string>> = {},
): string {
  const { stdout, stderr, error } = spawnSync(builtProgram("infra"), [kind, path], {
    env: { PATH: process.env.PATH, ...env },
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  return `${stdout}${stderr}`;
}
