import { expect, test } from "vitest";
import { busCodes } from "./bus.ts";
import { codes } from "./index.ts";
import { lintCodes } from "./lint.ts";
import { manifestsCodes } from "./manifests.ts";
import { recordCodes } from "./record.ts";
import { runtimeCodes } from "./runtime.ts";
import { sensorsCodes } from "./sensors.ts";
import { sourcesCodes } from "./sources.ts";
import { triggersCodes } from "./triggers.ts";

test("what lint warns of says why it matters", () => {
  for (const code of Object.values(lintCodes)) expect([code.id, "why" in code]).toEqual([code.id, true]);
});

test("no name stands in two stages, and no number has two meanings", () => {
  const stages = [
    manifestsCodes,
    lintCodes,
    sensorsCodes,
    sourcesCodes,
    triggersCodes,
    busCodes,
    recordCodes,
    runtimeCodes,
  ];
  const names = stages.flatMap((stage) => Object.keys(stage));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  const ids = Object.values(codes).map(({ id }) => id);
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
});
