import { rm } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Log, silentLog } from "../../../lib/log.ts";
import { trialFolder } from "../job-trial.ts";
import { doubleDocker, setAway } from "./docker-trial.ts";
import { fault, lastLine } from "./engine.ts";
import { findEngine } from "./find-engine.ts";

let folder: string;
let said: string[];
const log: Log = {
  ...silentLog,
  info: (_, message) => void said.push(message),
  warn: (fields, message) => void said.push(`${message} ${"code" in fields ? String(fields.code) : ""}`.trim()),
};

beforeEach(async () => {
  folder = await trialFolder();
  said = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const find = (wanted: "docker" | "podman") => findEngine(wanted, { env: { PATH: path.join(folder, "bin") }, log });

it("podman is taken where only that is there, saying so", async () => {
  await doubleDocker(folder, "podman");
  expect(await find("docker")).toMatchObject({ name: "podman" });
  expect(said).toEqual(["docker is not there: jobs run with podman", "jobs run as containers"]);
});

it("docker is taken where it is there, and it may still be away", async () => {
  await doubleDocker(folder, "docker");
  await doubleDocker(folder, "podman");
  await setAway(folder, true);
  expect(await find("docker")).toMatchObject({ name: "docker", flavour: "docker" });
  expect(said).toEqual(["the container engine does not answer; jobs wait for it TM4037"]);
});

it("docker is not taken for podman, and neither being there is told", async () => {
  await expect(find("docker")).rejects.toMatchObject({ code: "CONTAINERS_MISSING", retry: "never" });
  await doubleDocker(folder, "docker");
  await expect(find("podman")).rejects.toMatchObject({
    code: "CONTAINERS_MISSING",
    message: "--jobs podman: there is no podman on the PATH",
  });
});

it.each([
  [
    'Error response from daemon: pull access denied for x, repository does not exist or may require "docker login"',
    "IMAGE_REFUSED",
  ],
  ["Error response from daemon: manifest for busybox:x not found: manifest unknown: manifest unknown", "IMAGE_MISSING"],
  ["Error: no such image x\n", "IMAGE_MISSING"],
  [
    "Error: initializing source docker://x: reading manifest 1 in quay.io/x: unauthorized: access denied",
    "IMAGE_REFUSED",
  ],
  ["Error: localhost/box:9: image not known", "IMAGE_MISSING"],
  ["Error: something else", "CONTAINERS_FAULT"],
])("%j is %s", (stderr, code) => {
  expect(fault("pull", stderr)).toMatchObject({ code, retry: "backoff" });
});

it("of what a command line says the cause is shown, not the hint behind it", () => {
  const text = "docker: Error response from daemon: Conflict.\n\nRun 'docker run --help' for more information\n";
  expect(lastLine(text)).toBe("docker: Error response from daemon: Conflict.");
  expect(lastLine("")).toBe("it says nothing");
});
