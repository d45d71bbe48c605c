import type { NotifyState } from "./plan.ts";

/** The pseudo-dependency whose event is the failure: what parameters and payloads of a notification name. */
export const failureName = "failure";

/** Where on an event's way it failed. */
export type FailureStage = "schema" | "parameters" | "trigger" | "dlqTrigger";

/** What a notification tells: the default body, and the data of the pseudo-dependency `failure`. */
export interface FailureData {
  /** The job: what `job` of the notification finds, else the first event of the line, else the event. */
  readonly job: string;
  /** The id of the firing's newest event. */
  readonly event: string;
  /** Where that came from: `EVENTSOURCE/EVENT`; absent where retention took it. */
  readonly source?: string;
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly firing: string;
  readonly state: NotifyState;
  readonly stage?: FailureStage;
  /** `TMnnnn`. */
  readonly code?: string;
  readonly reason?: string;
  /** HTTP status or the target's own word. */
  readonly status?: string;
  /** Attempts so far; 0 where none was made. */
  readonly attempt: number;
  readonly traceId: string;
  /** The span of the attempt. */
  readonly traceparent?: string;
  /** RFC 3339. */
  readonly at: string;
  /** Of `recovered`: when it failed first, and how often until now. */
  readonly failing?: { readonly since: string; readonly count: number };
  /** The target that the event named, where it is this one. */
  readonly target?: string;
  /** The target that the event named, where that may not be used. */
  readonly targetRefused?: { readonly target: string; readonly code: string; readonly reason: string };
  /** This one stands for so many; the other fields are the first one's. */
  readonly folded?: FoldedData;
}

/** Failures of one kind in one window, without the one that was told at once. */
export interface FoldedData {
  readonly count: number;
  /** The beginning of the window. */
  readonly since: string;
  readonly first: string;
  readonly last: string;
  /** The first few. */
  readonly samples: readonly FoldedSample[];
}

export type FoldedSample = Pick<FailureData, "job" | "event" | "firing" | "reason" | "at">;

/** A reason may quote a target's answer: this much of it is told. */
const longestReason = 2_000;

export function shortReason(reason: string): string {
  return reason.length > longestReason ? `${reason.slice(0, longestReason)}…` : reason;
}

/** The Go template that says a failure in words; with `slack`, no text in it is read as markup there. */
export function failureText(of: "plain" | "slack"): string {
  const escaping = of === "slack" ? ' | toString | replace "&" "&amp;" | replace "<" "&lt;" | replace ">" "&gt;"' : "";
  const line = (label: string, key: string): string =>
    `{{ with .Input.${key} }}${label}: {{ .${escaping} }}\n{{ end }}`;
  return [
    `${heading(escaping)}\n`,
    `{{ with .Input.reason }}{{ .${escaping} }}\n{{ end }}`,
    `{{ with .Input.failing }}failed {{ .count }} times since {{ .since }}\n{{ end }}`,
    `{{ with .Input.folded }}{{ .count }} times from {{ .first }} to {{ .last }}\n{{ end }}`,
    line("job", "job"),
    line("event", "event"),
    line("stage", "stage"),
    line("attempt", "attempt"),
    line("trace", "traceId"),
    line("at", "at"),
    `{{ with .Input.targetRefused }}the target that the event names was refused: {{ .target${escaping} }}: {{ .reason${escaping} }}\n{{ end }}`,
  ].join("");
}

/** The same in one line: the subject of a mail. */
export function failureHeading(): string {
  return heading("");
}

function heading(escaping: string): string {
  const states =
    '{{ if eq .Input.state "dead" }}failed for good{{ else if eq .Input.state "failed" }}failed and will be tried again{{ else }}works again{{ end }}';
  const times = "{{ with .Input.folded }} {{ .count }} times more{{ end }}";
  return `{{ .Input.sensor${escaping} }}/{{ .Input.trigger${escaping} }} ${states}${times}{{ with .Input.code }} ({{ . }}){{ end }}`;
}
