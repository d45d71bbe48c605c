import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { argoWorkflow } from "../argo-workflow.ts";
import { trial } from "../trial.ts";

const apiVersion = "argoproj.io/v1alpha1";

describe("what the Argo Server does", () => {
  interface Asked {
    readonly line: string;
    readonly authorization: string | undefined;
    readonly body: unknown;
  }

  /** Notes what it is asked, as the Argo Server's API takes it, and answers with `status`. */
  async function argoServer(status = 200) {
    const asked: Asked[] = [];
    const note = async ({ method, url, headers }: IncomingMessage, body: Promise<string>): Promise<void> => {
      asked.push({ line: `${method} ${url}`, authorization: headers.authorization, body: JSON.parse(await body) });
    };
    const http = createServer((request, response) => {
      void note(request, text(request)).then(() => response.writeHead(status).end('{"message":"so it is"}'));
    }).listen(0, "127.0.0.1");
    await once(http, "listening");
    const { port } = http.address() as AddressInfo;
    return {
      asked,
      url: `http://127.0.0.1:${port}/argo/`,
      [Symbol.asyncDispose]: async () => {
        http.closeAllConnections();
        await new Promise((closed) => http.close(closed));
      },
    };
  }

  const source = { resource: { apiVersion, kind: "Workflow", metadata: { name: "w" } } };

  it("is asked of it: retry, and resubmit of what succeeded", async () => {
    await using argo = await argoServer();
    const server = { url: argo.url, token: { name: "argo", key: "token" } };
    const secrets = { "argo/token": "word" };
    const flags = ["--restart-successful", "--node-field-selector", "phase=Failed", "-p", "a=1"];
    await using retry = await trial(argoWorkflow, { source, operation: "retry", server, args: flags }, { secrets });
    expect(await retry.fire()).toEqual({
      status: 200,
      said: "the Argo Server answered 200 to retry of default/w",
      object: { apiVersion, kind: "Workflow", namespace: "default", name: "w" },
    });
    const memoized = { source, operation: "resubmit", server, args: ["--memoized"] };
    await using resubmit = await trial(argoWorkflow, memoized, { secrets });
    await resubmit.fire();
    expect(argo.asked).toEqual([
      {
        line: "PUT /argo/api/v1/workflows/default/w/retry",
        authorization: "Bearer word",
        body: {
          name: "w",
          namespace: "default",
          restartSuccessful: true,
          nodeFieldSelector: "phase=Failed",
          parameters: ["a=1"],
        },
      },
      {
        line: "PUT /argo/api/v1/workflows/default/w/resubmit",
        authorization: "Bearer word",
        body: { name: "w", namespace: "default", memoized: true },
      },
    ]);
  });

  it("tells what it said, and what it was not asked", async () => {
    await using argo = await argoServer(400);
    await using refused = await trial(argoWorkflow, { source, operation: "retry", server: { url: argo.url } });
    expect(await refused.fire()).toMatchObject({ status: 400, body: '{"message":"so it is"}' });
    await using nowhere = await trial(argoWorkflow, {
      source,
      operation: "retry",
      server: { url: "http://127.0.0.1:1" },
    });
    await expect(nowhere.fire()).rejects.toMatchObject({ code: "TARGET_UNREACHABLE" });
    await using none = await trial(argoWorkflow, { source, operation: "retry" });
    await expect(none.fire()).rejects.toMatchObject({ code: "WORKFLOW_SERVER_MISSING", retry: "never" });
    await using memoized = await trial(argoWorkflow, { source, operation: "resubmit", args: ["--memoized"] });
    await expect(memoized.fire()).rejects.toMatchObject({ code: "WORKFLOW_SERVER_MISSING" });
  });
});
