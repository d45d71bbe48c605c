import { expect, it } from "vitest";
import { freePort } from "../servers/server.ts";
import { describeWithSmallDisk, mountSmallDisk } from "../small-disk.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { startProduct } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { startTarget } from "./target.ts";

describeWithSmallDisk("a full disk under tidemill", () => {
  it("is told to callers and by readyz, loses nothing, and once there is room all goes on by itself", {
    timeout: 90_000,
  }, async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    await using disk = mountSmallDisk(160);
    const port = await freePort();
    const failing = new Set(["3"]);
    target.answer(({ path, body }, response) => {
      if (path === "/limited" && failing.has((body as { a: string }).a)) response.statusCode = 500;
      response.end();
    });
    const trigger =
      "rateLimit: { unit: Second, requestsPerUnit: 50 }\nretryStrategy: { steps: 50, duration: 500ms, factor: 1, jitter: 0 }";
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write(
      "s.yaml",
      [
        sensor({ name: "limited", on: ["a"], url: `${target.url}/limited`, trigger }),
        sensor({ name: "plain", on: ["a"], url: `${target.url}/plain`, trigger: "atLeastOnce: true" }),
      ].join("---\n"),
    );
    await using product = await startProduct({ dataDir: `${disk.path}/data`, paths: [place.manifests] });
    const acknowledged: number[] = [];
    const send = async (n: number): Promise<Response> => {
      const response = await post(port, "/a", { n });
      if (response.status === 200) acknowledged.push(n);
      return response;
    };
    expect((await send(1)).status).toBe(200);
    expect(sumsUp(await drained(product))).toEqual([]);

    // little room: nothing new, and what was taken in goes on
    expect((await send(3)).status).toBe(200);
    await until("it fails once", () => target.of("/limited").some(({ body }) => (body as { a: string }).a === "3"));
    await disk.fill(20 * 2 ** 20);
    const refused = await until("it is refused", async () => {
      const response = await send(1_000 + acknowledged.length);
      return response.status === 503 && response;
    });
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    const ready = await product.ready();
    expect(ready.status).toBe(503);
    expect(ready.body).toMatch(/bus default\/default: the disk of .* has \d+ MiB free/);
    failing.clear();
    expect(sumsUp(await drained(product))).toEqual([]);
    await disk.free();
    await until("it is ready again, though nobody posts", async () => (await product.ready()).status === 200);
    expect(
      (
        await until("it takes events again", async () => {
          const response = await send(4);
          return response.status === 200 && response;
        })
      ).status,
    ).toBe(200);

    // no room at all: nothing can be written, neither results nor starts
    failing.add("5");
    expect((await send(5)).status).toBe(200);
    await until("it fails once", () => target.of("/limited").some(({ body }) => (body as { a: string }).a === "5"));
    await disk.fill();
    await until("a write has failed", () => /not yet kept|do(es)? not take facts/.test(product.output()));
    // pages that were free in the file still take a little
    await until("it is refused", async () => (await send(2_000 + acknowledged.length)).status === 503);
    failing.clear();
    await disk.free();
    await until("it takes events again", async () => (await send(7)).status === 200);
    expect(sumsUp(await drained(product))).toEqual([]);
    expect((await product.ready()).status).toBe(200);
    for (const path of ["/limited", "/plain"]) {
      const seen = new Set(target.of(path).map(({ body }) => Number((body as { a: string }).a)));
      expect(
        acknowledged.filter((n) => !seen.has(n)),
        path,
      ).toEqual([]);
    }
    expect(await product.stop()).toBe(0);
  });
});
