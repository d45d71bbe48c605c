import type { Event } from "../../lib/event.ts";
import type { FiltersSpec } from "../dependency-schema.ts";
import type { Filter, FilterPlace } from "./filter.ts";

type ContextSpec = NonNullable<FiltersSpec["context"]>;

const fields = ["type", "subject", "source", "datacontenttype"] as const;

/** `filters.context`: equality of the fields that are not empty; id, time and specversion are ignored (reference 3.4). */
export function compileContext(spec: ContextSpec, { path, report }: FilterPlace): Filter {
  const wanted = fields.filter((field) => (spec[field] ?? "") !== "");
  if (wanted.length === 0) report.error(path, "no field of the context is given: no event would pass");
  const differs = (event: Event) => wanted.find((field) => event[field] !== spec[field]);
  return {
    passes: (view) => differs(view.event) === undefined,
    explain: (view) => {
      const field = differs(view.event);
      const said = wanted.map((one) => `${one} ${JSON.stringify(spec[one])}`).join(", ");
      if (field === undefined) return [{ kind: "context", index: 0, passed: true, reason: `has ${said}` }];
      const value = view.event[field];
      const reason = `${field} is ${JSON.stringify(value)}; wanted ${JSON.stringify(spec[field])}`;
      return [{ kind: "context", index: 0, passed: false, value, reason }];
    },
  };
}
