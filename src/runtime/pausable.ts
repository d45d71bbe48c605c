import { didYouMean } from "../lib/did-you-mean.ts";
import { TideError } from "../lib/errors.ts";
import type { BusRun } from "./bus-run.ts";
import type { Pausable, Pause, PauseTarget } from "./pauses.ts";
import { waysOf } from "./plan-store.ts";
import type { RunningSource } from "./source-run.ts";

/** What somebody wants to pause or resume, by the name that they know it by. */
export interface PauseWish {
  readonly kind: Pausable;
  /** EVENTSOURCE (all its events) or EVENTSOURCE/EVENT; SENSOR; SENSOR/TRIGGER, or TRIGGER where one alone has the name. */
  readonly name: string;
  /** Only in this namespace. */
  readonly namespace?: string | undefined;
}

export interface PausedThing extends PauseTarget {
  /** Absent: it is not paused. */
  readonly pause?: Pause;
}

interface Here {
  readonly buses: readonly BusRun[];
  readonly sources: readonly RunningSource[];
}

/** The things that a name means. Throws PAUSABLE_UNKNOWN when there are none, or several that one cannot mean at once. */
export function findPausable(here: Here, wish: PauseWish): readonly PauseTarget[] {
  const { kind, name, namespace } = wish;
  const all = targetsOf(here, kind).filter((target) => namespace === undefined || target.namespace === namespace);
  const found = all.filter(({ names }) => matches(kind, names, name));
  const among = namespace === undefined ? "" : ` in namespace ${namespace}`;
  if (found.length === 0) {
    const names = [...new Set(all.map((target) => target.names.join("/")))];
    const hint = didYouMean(name, names);
    const few = names.length === 0 || names.length > 5 ? "" : `; there are ${names.join(", ")}`;
    const meant = hint === undefined ? few : `; did you mean ${hint}?`;
    throw new TideError("PAUSABLE_UNKNOWN", `there is no ${kind} ${name}${among}${meant}`);
  }
  // all events of one EventSource go together; two things that only share a name do not
  const owners = new Set(
    found.map(({ namespace: of, names }) => JSON.stringify([of, ...(kind === "source" ? names.slice(0, 1) : names)])),
  );
  if (owners.size > 1) {
    const names = found.map(({ namespace: of, names: parts }) => `${of}: ${parts.join("/")}`).join(", ");
    throw new TideError("PAUSABLE_UNKNOWN", `${name} is the name of several: ${names}; say which, and --namespace`);
  }
  return found;
}

function targetsOf({ buses, sources }: Here, kind: Pausable): readonly PauseTarget[] {
  if (kind === "source") {
    return sources.map(({ plan: { namespace, eventSource, event } }) => ({
      ...{ kind, namespace },
      names: [eventSource, event],
    }));
  }
  return buses.flatMap(({ namespace, sensors }) =>
    sensors.flatMap((plan): readonly PauseTarget[] => {
      const { name, triggers } = plan;
      if (kind === "sensor") return [{ kind, namespace, names: [name] }];
      const own = triggers.flatMap((trigger) => [
        trigger.name,
        ...(trigger.dlqTrigger ? [trigger.dlqTrigger.name] : []),
      ]);
      const told = waysOf(plan).map((way) => way.name);
      return [...own, ...told].map((trigger) => ({ kind, namespace, names: [name, trigger] }));
    }),
  );
}

function matches(kind: Pausable, names: readonly string[], name: string): boolean {
  if (names.join("/") === name) return true;
  return kind === "source" ? names[0] === name : names.at(-1) === name;
}
