import type { Finding } from "../lib/finding.ts";
import { isRecord } from "../lib/json.ts";
import { own, recordAt, textAt } from "./json.ts";
import type { BusPlan } from "./manifests.ts";
import type { ManifestObject } from "./objects.ts";
import { unknownFields } from "./shape.ts";
import { eventBusSpecSchema } from "./types/bus-types.ts";

/** In the order in which Argo Events looks for them (reference 6). */
const busKinds = ["nats", "jetstream", "kafka", "jetstreamExotic"] as const;

/** Checks an EventBus by the rules of reference 7.3; what it asks of a broker is the bus driver's to read. */
export function planEventBus(manifest: ManifestObject): { plan: BusPlan | undefined; findings: readonly Finding[] } {
  const spec = recordAt(manifest.value, "spec");
  const there = busKinds.filter((kind) => (own(spec, kind) ?? undefined) !== undefined);
  const [kind, ...others] = there;
  if (kind === undefined) {
    const message = "one of nats, jetstream, jetstreamExotic and kafka is needed";
    return { plan: undefined, findings: [bad([], message, "Add `jetstream: { version: latest }`.")] };
  }
  const findings: Finding[] = [...unknownFields(eventBusSpecSchema, spec, { path: ["spec"] }).findings];
  if (others.length > 0) {
    const message = `only ${kind} counts; ${others.join(", ")} has no effect`;
    findings.push({ severity: "warning", code: "BUS_INVALID", path: ["spec", others[0] ?? ""], key: true, message });
  }
  if (!isRecord(own(spec, kind)))
    findings.push(bad([kind], `${kind} must be a map`, `Write its fields under ${kind}.`));
  else findings.push(...rules[kind](recordAt(spec, kind)));
  const failed = findings.some(({ severity }) => severity === "error");
  const plan = { namespace: manifest.namespace, name: manifest.name, kind };
  return { plan: failed ? undefined : plan, findings };
}

type Rule = (bus: ReturnType<typeof recordAt>) => Finding[];

const rules: Readonly<Record<(typeof busKinds)[number], Rule>> = {
  nats(bus) {
    const native = own(bus, "native") ?? undefined;
    const exotic = own(bus, "exotic") ?? undefined;
    if (native !== undefined && exotic !== undefined) {
      return [bad(["nats", "exotic"], "native and exotic exclude each other", "Keep one of them.")];
    }
    if (native === undefined && exotic === undefined) {
      return [bad(["nats"], "native or exotic is needed", "Add one of them.")];
    }
    return exotic === undefined ? [] : required(recordAt(bus, "exotic"), ["nats", "exotic"], ["clusterID", "url"]);
  },
  jetstream(bus) {
    const replicas = own(bus, "replicas") ?? 3;
    const found = required(bus, ["jetstream"], ["version"]);
    if (typeof replicas !== "number" || (replicas !== 1 && replicas < 3)) {
      found.push(
        bad(["jetstream", "replicas"], `replicas cannot be ${JSON.stringify(replicas)}`, "Use 1, or 3 and more."),
      );
    }
    return found;
  },
  kafka: (bus) => required(bus, ["kafka"], ["url"]),
  jetstreamExotic: (bus) => required(bus, ["jetstreamExotic"], ["url"]),
};

function required(bus: ReturnType<typeof recordAt>, path: readonly string[], keys: readonly string[]): Finding[] {
  return keys
    .filter((key) => textAt(bus, key) === undefined)
    .map((key) => bad([...path, key], `${key} is missing`, `Add ${key}.`));
}

function bad(path: readonly string[], message: string, fix: string): Finding {
  return { severity: "error", code: "BUS_INVALID", path: ["spec", ...path], message, fix };
}
