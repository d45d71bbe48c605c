import { expect, it } from "vitest";
import { type Log, silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { log } from "./log.ts";
import { eventOf, trial } from "./trial.ts";

function lines() {
  const said: { readonly fields: object; readonly message: string }[] = [];
  const to: Log = { ...silentLog, info: (fields, message) => void said.push({ fields, message }) };
  return { said, to };
}

const events = new Map([
  ["a", eventOf('{"n":1}')],
  ["b", eventOf("größe")],
]);

it("each event's data is a line at info, with dependency and context", async () => {
  const { said, to } = lines();
  await using one = await trial(log, {}, { log: to });
  expect(await one.fire({ events })).toEqual({ said: "logged 2 events" });
  expect(said.map(({ message }) => message)).toEqual(['{"n":1}', "größe"]);
  expect(said[0]?.fields).toEqual({
    dependencyName: "a",
    eventContext: {
      id: "0".repeat(32),
      source: "shop",
      specversion: "1.0",
      type: "webhook",
      datacontenttype: "application/json",
      subject: "order",
      time: "2026-01-05T09:00:00Z",
    },
  });
});

it("intervalSeconds lets one firing through in that time, for each trigger", async () => {
  const { said, to } = lines();
  const clock = new VirtualClock();
  await using one = await trial(log, { intervalSeconds: 10 }, { log: to, clock });
  await one.fire({ events });
  expect((await one.fire({ events })).said).toContain("not logged");
  await clock.advance(9_999);
  await one.fire({ events });
  expect(said).toHaveLength(2);
  await one.fire({ events, trigger: "another" });
  expect(said).toHaveLength(4);
  await clock.advance(1);
  await one.fire({ events });
  expect(said).toHaveLength(6);
});
