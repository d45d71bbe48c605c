import type { Call } from "../../kit/trigger.ts";
import { isFields, type Resource } from "./object.ts";

export const traceAnnotation = "tidemill.dev/traceparent";
export const eventAnnotation = "tidemill.dev/event-id";

/** Of a call what its object is marked with. */
export type Marks = Pick<Call<unknown, unknown>, "trace" | "events">;

/**
 * The object with its place in the trace and the ids of its events (comma-separated) as annotations, and the place as the
 * variables TRACEPARENT and TRACESTATE of each container of a Pod or a Job: they run once, for this firing. What makes ever
 * new pods (a CronJob, a Deployment) would put all of them into this one trace, and the pods of a workflow are its
 * controller's: these get the annotations only. What the manifest sets itself stays. An object that is made already is
 * found again by its firing's label, so that another attempt's trace is no difference.
 */
export function withTrace(object: Resource, { trace, events }: Marks): Resource {
  const { traceparent, tracestate } = trace.context;
  const metadata = isFields(object.metadata) ? object.metadata : {};
  const { annotations = {} } = metadata;
  // of any other form it is the API's to refuse
  if (annotations !== null && !isFields(annotations)) return object;
  const ids = [...new Set([...events.values()].map(({ id }) => id))].join(",");
  const marks = { [traceAnnotation]: traceparent, ...(ids === "" ? {} : { [eventAnnotation]: ids }) };
  const marked = { ...object, metadata: { ...metadata, annotations: { ...marks, ...annotations } } };
  const variables = [
    { name: "TRACEPARENT", value: traceparent },
    ...(tracestate === undefined ? [] : [{ name: "TRACESTATE", value: tracestate }]),
  ];
  switch (`${object.apiVersion} ${object.kind}`) {
    case "v1 Pod":
      return { ...marked, spec: inPod(object.spec, variables) };
    case "batch/v1 Job":
      return { ...marked, spec: inTemplate(object.spec, variables) };
    default:
      return marked;
  }
}

type Variables = readonly { readonly name: string; readonly value: string }[];

function inTemplate(spec: unknown, variables: Variables): unknown {
  if (!isFields(spec) || !isFields(spec.template)) return spec;
  return { ...spec, template: { ...spec.template, spec: inPod(spec.template.spec, variables) } };
}

function inPod(pod: unknown, variables: Variables): unknown {
  if (!isFields(pod)) return pod;
  const lists = ["initContainers", "containers"].flatMap((name) => {
    const there = pod[name];
    return Array.isArray(there) ? [[name, there.map((container) => inContainer(container, variables))] as const] : [];
  });
  return { ...pod, ...Object.fromEntries(lists) };
}

function inContainer(container: unknown, variables: Variables): unknown {
  if (!isFields(container)) return container;
  const env: unknown = container.env ?? [];
  if (!Array.isArray(env)) return container;
  const own = (env as readonly unknown[]).some((one) => isFields(one) && one.name === "TRACEPARENT");
  return own ? container : { ...container, env: [...(env as readonly unknown[]), ...variables] };
}
