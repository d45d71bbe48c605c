import type { Code } from "../errors.ts";
import { adminCodes } from "./admin.ts";

/** TM7xxx: the runtime and the command line. */
export const runtimeCodes = {
  ...adminCodes,
  NOTHING_TO_RUN: {
    id: "TM7001",
    says: "The manifests hold no source and no sensor that can run.",
    fix: "Name a file or folder with EventSource and Sensor manifests, mend what `tidemill lint` says of them, or begin with `tidemill init`.",
    retry: "never",
  },
  EVENT_UNKNOWN: {
    id: "TM7002",
    says: "No event has this id, or retention took it.",
    fix: "List events with `tidemill events ls`.",
    retry: "never",
  },
  TRACE_UNKNOWN: {
    id: "TM7016",
    says: "No event and no trace in the record has this id, or retention took it.",
    fix: "List events with `tidemill events ls`; a trace is found by the id of any of its events.",
    retry: "never",
  },
  RECORD_OFF: {
    id: "TM7003",
    says: "The record is off, and this question is answered from it.",
    fix: "Run without `--record none`.",
    retry: "never",
  },
  ENTRY_UNKNOWN: {
    id: "TM7004",
    says: "No entry of an EventSource has this name.",
    fix: "See `tidemill status` for the names; write them as EVENTSOURCE/EVENT.",
    retry: "never",
  },
  PLAN_LOST: {
    id: "TM7005",
    says: "The plan that made a firing can no longer be compiled.",
    fix: "Retry it with today's manifest: `tidemill dlq retry ID --config current`.",
    retry: "never",
  },
  FIRING_UNKNOWN: {
    id: "TM7006",
    says: "No dead letter has this id.",
    fix: "List them with `tidemill dlq ls`.",
    retry: "never",
  },
  STOPPED: {
    id: "TM7007",
    says: "The runtime is stopping.",
    fix: "Start it again.",
    retry: "never",
  },
  NO_SERVER: {
    id: "TM7008",
    says: "No running tidemill was found.",
    fix: "Start one with `tidemill run PATH`, or say where it is with `--admin URL`.",
    retry: "never",
  },
  USAGE: {
    id: "TM7009",
    says: "The command line is not understood, or asks for what is refused.",
    fix: "See `tidemill VERB --help`.",
    retry: "never",
  },
  STARTING: {
    id: "TM7011",
    says: "The runtime is starting and cannot answer yet.",
    fix: "Ask again in a moment.",
    retry: "backoff",
  },
  HOST_REFUSED: {
    id: "TM7012",
    says: "The request came under a name, or from a page, that is not this machine's own.",
    fix: "Ask the admin API by its address, such as http://127.0.0.1:7788.",
    retry: "never",
  },
  JOB_UNKNOWN: {
    id: "TM7013",
    says: "No job has this name.",
    fix: "List them with `tidemill jobs ls`.",
    retry: "never",
  },
  JOBS_OFF: {
    id: "TM7014",
    says: "Jobs do not run as local processes here.",
    fix: "Run with `--jobs process`.",
    retry: "never",
  },
  NOT_FOUND: {
    id: "TM7015",
    says: "The admin API has no such path.",
    fix: "See `tidemill --help` for what can be asked.",
    retry: "never",
  },
  EVENT_INVALID: {
    id: "TM7020",
    says: "An event that was given cannot be read.",
    fix: "Give a CloudEvent in JSON (structured form), or the event's data as JSON with `--source EVENTSOURCE/EVENT`.",
    retry: "never",
  },
  TEST_INVALID: {
    id: "TM7021",
    says: "A test file cannot be read, or asks for what its manifests do not have.",
    fix: "See `docs/specs/test-files.md` for what a test file holds.",
    retry: "never",
  },
  PAUSED: {
    id: "TM7040",
    says: "What was asked of is paused.",
    fix: "Resume it: `tidemill resume source|sensor|trigger NAME`.",
    retry: "backoff",
  },
  PAUSABLE_UNKNOWN: {
    id: "TM7041",
    says: "Nothing that runs here has this name, or several have.",
    fix: "See `tidemill status` for the names; write EVENTSOURCE[/EVENT], SENSOR, or [SENSOR/]TRIGGER.",
    retry: "never",
  },
  PROXY_INVALID: {
    id: "TM7030",
    says: "The proxy that the environment names cannot be used.",
    fix: "Set `HTTPS_PROXY` and `HTTP_PROXY` to `http://HOST:PORT` or `https://HOST:PORT`, or list the target's host in `NO_PROXY`.",
    retry: "backoff",
  },
  OTLP_OPTIONS_BAD: {
    id: "TM7060",
    says: "A variable of OpenTelemetry (`OTEL_…`) has a value that cannot be used.",
    fix: "Mend the variable that the message names, or unset it; `OTEL_SDK_DISABLED=true` turns exporting off.",
    retry: "never",
  },
  LOOP_GUARD: {
    id: "TM7031",
    says: "Events cause each other without end: each came of a firing of the one before.",
    fix: "Break the circle: a sensor must not put the event that it, or one behind it, waits for. `tidemill why EVENT` shows the line.",
    retry: "never",
  },
  OPERATION_UNKNOWN: {
    id: "TM7050",
    says: "No operation has this id, or it ended long ago.",
    fix: "List operations with `tidemill ops ls`.",
    retry: "never",
  },
  OPERATIONS_BUSY: {
    id: "TM7051",
    says: "As many operations run as may run at once.",
    fix: "Wait for one to end (`tidemill ops ls`), or cancel one: `tidemill ops cancel ID`.",
    retry: "backoff",
  },
  LOG_STORE_BAD: {
    id: "TM7061",
    says: "The address of the log store cannot be used.",
    fix: "Write `--log-store https://USER:PASSWORD@HOST:9200`, with the name of a data stream behind a slash where it is not `logs-tidemill-default`.",
    retry: "never",
  },
  LOAD_TEMPLATE: {
    id: "TM7071",
    says: "The template of a load cannot be read, or makes no message that may be sent.",
    fix: "Correct it at the place that is named: it is a Go template with sprig whose output is JSON (docs/specs/load.md).",
    retry: "never",
  },
  INTERNAL: {
    id: "TM7010",
    says: "The runtime met something that it did not expect.",
    fix: "Look at the log around it, and report it with `tidemill version`.",
    retry: "backoff",
  },
} as const satisfies Record<string, Code>;
