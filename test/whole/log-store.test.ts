import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer } from "../servers/describe.ts";
import { temporaryFolder } from "../servers/folder.ts";
import { type OpensearchServer, startOpensearch } from "../servers/opensearch.ts";
import { freePort } from "../servers/server.ts";
import { helloOn, type Running, running, tidemill } from "../tidemill.ts";
import { until } from "../until.ts";

interface Line {
  readonly message: string;
  readonly event?: { readonly id?: string; readonly action?: string; readonly outcome?: string };
  readonly trace?: { readonly id?: string };
  readonly labels?: Readonly<Record<string, string>>;
}

describeWithServer("opensearch", () => {
  let store: OpensearchServer;
  let folder: string;

  beforeAll(async () => {
    store = await startOpensearch();
    folder = await temporaryFolder("log-store");
  }, 90_000);
  afterAll(() => store?.[Symbol.asyncDispose]());

  const lines = async (index: string, query: string): Promise<readonly Line[]> => {
    await store.ask("POST", `/${index}/_refresh`);
    const { hits } = await store.ask("GET", `/${index}/_search?size=1000&q=${encodeURIComponent(query)}`);
    return hits.hits.map(({ _source }: { readonly _source: Line }) => _source);
  };

  async function start(name: string): Promise<Running & { readonly send: () => Promise<string> }> {
    const port = await freePort();
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, await helloOn(port));
    const flow = await running([file], {
      dataDir: join(folder, name),
      args: ["--log-store", `${store.url}/logs-${name}`],
    });
    const send = async (): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${port}/hello`, {
        method: "POST",
        headers: { "content-type": "application/json", traceparent: `00-${"5".repeat(32)}-${"6".repeat(16)}-01` },
        body: '{"name":"ada"}',
      });
      expect(answer.status).toBe(200);
      return answer.headers.get("tidemill-event-id") ?? "";
    };
    return Object.assign(flow, { send });
  }

  test("what the process says and what happens to an event are found in the store, by event and by trace", async () => {
    await using flow = await start("story");
    await flow.send();
    const story = await until("the firing is told of", async () => {
      const found = await lines("logs-story", `trace.id:${"5".repeat(32)}`);
      return found.some(({ event }) => event?.action?.startsWith("settle")) ? found : undefined;
    });
    expect(story.some(({ event }) => event?.outcome === "success")).toBe(true);
    expect(story.some(({ labels }) => labels?.sensor === "hello")).toBe(true);
    // the line that the trigger `log` writes is the process's own
    await until("its own line is there", async () => (await lines("logs-story", "triggerType:log")).length > 0);
  }, 60_000);

  test("nothing is lost while the store is away, nor when tidemill is killed meanwhile, and nothing is there twice", async () => {
    const sent = 40;
    let flow = await start("outage");
    for (let n = 0; n < sent / 2; n++) await flow.send();
    await store.kill();
    for (let n = 0; n < sent / 2; n++) await flow.send();
    await flow.said(/the log store does not take lines/);
    flow.kill("SIGKILL");
    await flow.ended;
    await store.start();
    flow = await start("outage");
    await using _ = flow;
    const settled = await until("all firings are told of", async () => {
      const found = await lines("logs-outage", "event.action:settle*");
      return found.length >= sent ? found : undefined;
    });
    expect(settled).toHaveLength(sent);
    const { count } = await store.ask("GET", `/logs-outage/_count?q=${encodeURIComponent("event.action:settle*")}`);
    expect(count).toBe(sent);
  }, 90_000);

  test("a bad address is refused, with how to write it", async () => {
    const { code, err } = await tidemill(["run", join(folder, "story.yaml"), "--log-store", "127.0.0.1:9200/x?y"]);
    expect(code).not.toBe(0);
    expect(err).toContain("--log-store is no URL");
  });
});
