import { describe, expect, it } from "vitest";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { startProduct } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { type Hit, startTarget } from "./target.ts";

interface Told {
  readonly firing: string;
  readonly folded?: { readonly count: number };
}

const toldOf = ({ body }: Hit): Told => body as Told;

describe("notifications", { timeout: 60_000 }, () => {
  it("tell each dead firing, whenever the process is killed", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    target.answer(({ path }, response) => void response.writeHead(path === "/job" ? 500 : 200).end());
    await place.write("web.yaml", webhooks(port, ["a"]));
    const notifications = `  notifications:\n    - { name: tell, fold: false, template: { http: { url: "${target.url}/told" } } }\n`;
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/job` }) + notifications);
    const many = 60;
    let sent = 0;
    for (let round = 0; round < 6; round++) {
      const product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
      const posts = Array.from({ length: many / 6 }, async () => {
        sent += 1;
        const response = await post(port, "/a", { n: sent });
        expect(response.status).toBe(200);
        await response.arrayBuffer();
      });
      await Promise.all(posts);
      // somewhere among attempts, settlements and notifications
      const seen = target.hits.length;
      await until("some more went out", () => target.hits.length > seen || target.of("/told").length >= sent);
      await product.kill();
    }
    await using last = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    const audit = await drained(last);
    expect(sumsUp(audit)).toEqual([]);
    expect(audit.firings).toMatchObject({ dead: many, done: many });
    const firings = new Set(target.of("/told").map((hit) => toldOf(hit).firing));
    expect(firings).toEqual(new Set(target.of("/job").map(({ key }) => key)));
    expect(new Set(target.of("/told").map(({ key }) => key)).size).toBe(many);
  });

  it("count each failure of a window once, whenever the process is killed", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    target.answer(({ path }, response) => void response.writeHead(path === "/job" ? 500 : 200).end());
    await place.write("web.yaml", webhooks(port, ["a"]));
    const notifications = `  notifications:\n    - { name: tell, fold: { window: 8s }, template: { http: { url: "${target.url}/told" } } }\n`;
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/job` }) + notifications);
    const many = 30;
    for (let round = 0; round < 3; round++) {
      const product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
      for (let n = 0; n < many / 3; n++) await (await post(port, "/a", { n })).arrayBuffer();
      await until("they have failed", () => target.of("/job").length >= ((round + 1) * many) / 3);
      await product.kill();
    }
    await using last = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    await drained(last);
    const told = target.of("/told");
    const keys = new Map(told.map((hit) => [hit.key, toldOf(hit).folded?.count ?? 1]));
    expect([...keys.values()].reduce((sum, count) => sum + count, 0)).toBe(many);
  });
});
