import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { type GitSource, makeGitSource } from "../../../test/servers/git-repository.ts";
import { type SshServer, startSshd } from "../../../test/servers/sshd.ts";
import { failure } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";

describeWithServer("sshd", () => {
  let server: SshServer;
  let source: GitSource;

  beforeAll(async () => {
    [server, source] = await Promise.all([startSshd(), makeGitSource()]);
    await source.commit({ "pack.yaml": "v: 1" });
    vi.stubEnv("SSH_AUTH_SOCK", undefined);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  const sshKeySecret = { name: "ssh", key: "key" };

  async function read(git: object, key = server.key): Promise<unknown> {
    await using one = await artifactTrial({ secrets: { "ssh/key": key } });
    const url = `ssh://${server.address}${source.folder}`;
    return await one.read({ git: { url, filePath: "pack.yaml", sshKeySecret, ...git } });
  }

  describe("the object of a repository behind ssh", () => {
    it("comes with the key, whose last line end a Secret has lost, from a host that is known", async () => {
      vi.stubEnv("SSH_KNOWN_HOSTS", server.knownHosts);
      expect(await read({}, server.key.trimEnd())).toEqual({ v: 1 });
      expect(await read({}, server.key.replaceAll("\n", "\r\n"))).toEqual({ v: 1 });
    });

    it("does not come from a host that is not known, unless the manifest says so", async () => {
      vi.stubEnv("SSH_KNOWN_HOSTS", "/dev/null");
      const error = await failure(read({}));
      expect(error).toMatchObject({ code: "ARTIFACT_REFUSED" });
      expect(error.message).toContain("known_hosts");
      expect(await read({ insecureIgnoreHostKey: true })).toEqual({ v: 1 });
    });

    it("does not come without the key, or with what is none", async () => {
      vi.stubEnv("SSH_KNOWN_HOSTS", server.knownHosts);
      expect(await failure(read({ sshKeySecret: undefined }))).toMatchObject({ code: "ARTIFACT_REFUSED" });
      expect(await failure(read({}, "no key"))).toMatchObject({ code: "ARTIFACT_REFUSED", retry: "backoff" });
    });

    it("does not come from a folder that is no repository, or a server that is gone", async () => {
      vi.stubEnv("SSH_KNOWN_HOSTS", server.knownHosts);
      const nowhere = `ssh://${server.address}/nowhere`;
      expect(await failure(read({ url: nowhere }))).toMatchObject({ code: "ARTIFACT_MISSING" });
      await server.stop({ keep: true });
      expect(await failure(read({}))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
      await server.start();
    });
  });
});
