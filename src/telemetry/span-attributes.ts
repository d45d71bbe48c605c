import type { SpanAttributes, SpanLink } from "./span.ts";
import { systemOf } from "./span-kinds.ts";

interface Named {
  readonly source: string;
  readonly subject: string;
  readonly type: string;
}

export function busAttributes({
  namespace,
  bus,
}: {
  readonly namespace: string;
  readonly bus: string;
}): SpanAttributes {
  return { ...systemAttributes("tidemill"), "messaging.destination.name": bus, "tidemill.namespace": namespace };
}

export function sourceAttributes({ type, source, subject }: Named): SpanAttributes {
  const system = systemOf(type);
  return {
    ...(system === undefined ? {} : { ...systemAttributes(system), "messaging.destination.name": subject }),
    "tidemill.eventsource": source,
    "tidemill.event": subject,
    "tidemill.type": type,
  };
}

/** By its name of 1.45, and by the one before, which is what backends know so far. */
function systemAttributes(system: string): SpanAttributes {
  return { "messaging.system.name": system, "messaging.system": system };
}

export function eventAttributes({ id, source, subject, type }: Named & { readonly id: string }): SpanAttributes {
  return {
    "messaging.message.id": id,
    "cloudevents.event_id": id,
    "cloudevents.event_source": source,
    "cloudevents.event_spec_version": "1.0",
    "cloudevents.event_subject": subject,
    "cloudevents.event_type": type,
  };
}

export function processAttributes(
  bus: { readonly namespace: string; readonly bus: string },
  of: { readonly sensor: string; readonly trigger: string },
): SpanAttributes {
  return {
    ...busAttributes(bus),
    "messaging.operation.type": "process",
    "messaging.operation.name": "process",
    "messaging.consumer.group.name": of.sensor,
    "tidemill.sensor": of.sensor,
    "tidemill.trigger": of.trigger,
  };
}

export function given(name: string, value: string | number | undefined): SpanAttributes {
  return value === undefined ? {} : { [name]: value };
}

export function linksOf(...links: readonly (SpanLink | undefined)[]): { readonly links?: readonly SpanLink[] } {
  const there = links.filter((link) => link !== undefined);
  return there.length === 0 ? {} : { links: there };
}
