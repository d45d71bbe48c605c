import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { type GitSource, makeGitSource } from "../../../test/servers/git-repository.ts";
import { failure } from "../http/trial-targets.ts";
import { type ArtifactTrial, artifactTrial } from "./artifact-trial.ts";

describeWithServer("git", () => {
  let source: GitSource;
  let one: ArtifactTrial;

  beforeAll(async () => {
    source = await makeGitSource();
    one = await artifactTrial();
    await source.commit({
      "jobs/pack.yaml": "v: 1\n",
      ":(top)*?[a] ü\n.yaml": "v: odd",
      "link.yaml": "->jobs/pack.yaml",
      folder: "->jobs",
      "empty.yaml": "",
      "large.yaml": `a: ${"x".repeat(1024 * 1024)}`,
    });
  });
  afterAll(async () => {
    await one[Symbol.asyncDispose]();
  });

  const read = (git: object) =>
    one.read({ git: { url: `file://${source.folder}`, filePath: "jobs/pack.yaml", ...git } });

  describe("a file in a repository", () => {
    it.each([{ filePath: "./jobs//pack.yaml" }, { filePath: "/jobs/pack.yaml" }, { cloneDirectory: "/git/x" }])(
      "is found with %j",
      async (git) => {
        expect(await read(git)).toEqual({ v: 1 });
      },
    );

    it("has any name", async () => {
      expect(await read({ filePath: ":(top)*?[a] ü\n.yaml" })).toEqual({ v: "odd" });
    });

    it.each([
      ["a link", "link.yaml", "ARTIFACT_UNREADABLE"],
      ["behind a link", "folder/pack.yaml", "ARTIFACT_MISSING"],
      ["a folder", "jobs", "ARTIFACT_UNREADABLE"],
      ["not there", "none.yaml", "ARTIFACT_MISSING"],
      ["a pattern", "jobs/*.yaml", "ARTIFACT_MISSING"],
      ["too large", "large.yaml", "ARTIFACT_INVALID"],
      ["empty", "empty.yaml", "ARTIFACT_INVALID"],
      ["above", "jobs/../jobs/pack.yaml", "ARTIFACT_UNREADABLE"],
      ["somebody's home", "~/pack.yaml", "ARTIFACT_UNREADABLE"],
      ["written with \\", "jobs\\pack.yaml", "ARTIFACT_UNREADABLE"],
      ["nothing", "", "ARTIFACT_UNREADABLE"],
    ])("is not what is %s", async (_, filePath, code) => {
      expect(await failure(read({ filePath }))).toMatchObject({ code });
    });

    it.each([
      [{ branch: "none" }, "ARTIFACT_MISSING"],
      [{ tag: "none" }, "ARTIFACT_MISSING"],
      [{ ref: "0".repeat(39) + 1 }, "ARTIFACT_MISSING"],
      [{ ref: "refs/heads/master:refs/heads/x" }, "ARTIFACT_UNREADABLE"],
      [{ ref: "--upload-pack=touch /tmp/x" }, "ARTIFACT_UNREADABLE"],
      [{ branch: "a..b" }, "ARTIFACT_UNREADABLE"],
      [{ url: "file:///nowhere/at/all" }, "ARTIFACT_MISSING"],
      [{ url: "ext::sh -c touch% /tmp/x" }, "ARTIFACT_UNREADABLE"],
      [{ url: "--upload-pack=touch" }, "ARTIFACT_UNREADABLE"],
      [{ url: "" }, "ARTIFACT_UNREADABLE"],
    ])("does not come from %j", async (git, code) => {
      expect(await failure(read(git))).toMatchObject({ code });
      // and what came before still does
      expect(await read({})).toEqual({ v: 1 });
    });
  });
});
