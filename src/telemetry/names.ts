/** One entry of an EventSource, as metrics and log lines name it. */
export interface EntryName {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
}

/** A trigger, as metrics name it. */
export interface TriggerName {
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
}

/** A bus, as metrics name it. */
export interface BusName {
  readonly namespace: string;
  readonly bus: string;
}
