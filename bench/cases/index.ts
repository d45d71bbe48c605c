import type { Case } from "../figure.ts";
import { measureLanguages } from "../languages.ts";
import { backlog } from "./backlog.ts";
import { fanOut } from "./fan-out.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { redis } from "./redis.ts";
import { sensors } from "./sensors.ts";
import { soak } from "./soak.ts";
import { sqs } from "./sqs.ts";
import { webhook } from "./webhook.ts";

const languages: Case = {
  name: "languages",
  title: "Expressions and decisions on one core, against the Go libraries",
  usual: true,
  size: () => "the best of three spells of each",
  run: ({ remark }) => measureLanguages((line) => remark(line.trim())),
};

/** In the order they run. */
export const cases: readonly Case[] = [webhook, latency, redis, sqs, sensors, fanOut, idle, backlog, soak, languages];
