import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "../servers/recipes.ts";
import { deploy } from "./files.ts";

/* The systemd unit. systemd itself says whether it is one, and how far it is closed, where it is there. */

const file = join(deploy, "tidemill.service");
const unit = await readFile(file, "utf8");
const program = findProgram("systemd-analyze");
const analyze = (args: readonly string[]) => spawnSync(program ?? "", args, { encoding: "utf8" });

test("it reloads by SIGHUP, starts again after a failure, and may write its state folder only", () => {
  for (const line of [
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    "ProtectSystem=strict",
    "StateDirectory=tidemill",
    "DynamicUser=yes",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
  ]) {
    expect(unit.split("\n")).toContain(line);
  }
  expect(unit).not.toMatch(/^(ReadWritePaths|BindPaths|User=root)/m);
  expect(unit).toMatch(/^ExecStart=\/usr\/bin\/env tidemill run \S+ --data-dir \$\{STATE_DIRECTORY\}$/m);
});

test("it waits longer for the end than tidemill drains", () => {
  const [, seconds = "0"] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
  expect(Number(seconds)).toBeGreaterThan(30);
});

const systemd = program !== undefined;
if (!systemd) process.stderr.write("SKIPPED: systemd-analyze of the unit, for there is no systemd here\n");

test.skipIf(!systemd)("systemd takes it without a warning", () => {
  const { status, stdout, stderr } = analyze(["verify", file]);
  expect(stdout + stderr).toBe("");
  expect(status).toBe(0);
});

test.skipIf(!systemd)("systemd finds it closed: an exposure of 2 of 10 at most", () => {
  const { stdout, status } = analyze(["security", "--offline=true", "--threshold=20", file]);
  expect(stdout).toContain("Overall exposure level");
  expect(status, stdout).toBe(0);
});
