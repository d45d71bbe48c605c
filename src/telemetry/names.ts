/** One entry of an EventSource, as metrics and log lines name it. */
export interface EntryName {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
}
