import { expect, test } from "vitest";
import { nodeTooOld } from "./node-version.ts";

test("a Node that is too old is told in one sentence, with both versions", () => {
  expect(nodeTooOld("v20.18.1")).toBe("tidemill needs Node 22.19 or newer; this is v20.18.1");
  expect(nodeTooOld("v18.0.0")).toContain("this is v18.0.0");
  expect(nodeTooOld("v22.18.0")).toContain("this is v22.18.0");
});

test("22.19 and whatever is newer will do", () => {
  for (const version of ["v22.19.0", "v22.20.1", "v23.0.0", "v24.21.0", "v100.0.0-nightly"]) {
    expect(nodeTooOld(version)).toBeUndefined();
  }
});
