import type { Code } from "../errors.ts";

/** TM11xx: what `lint` warns of, because it does something else than its author probably means. */
export const lintCodes = {
  TRIGGER_SERIAL: {
    id: "TM1101",
    says: "A trigger with `atLeastOnce: true` runs one firing at a time.",
    fix: "Write `concurrency: 8` to let so many run at once, or `concurrency: 1` if one at a time is meant; or remove `atLeastOnce`.",
    retry: "never",
    why: "With `atLeastOnce: true` firings run one after the other, in the order of the events, and one that waits for its retry holds all that follow: a target that takes a second limits the trigger to one firing a second. In Argo Events the field is the price of retries and of not losing what runs at a crash; here both come without it.",
    example: {
      before: "triggers:\n  - template:\n      name: notify\n      http: { url: http://shop }\n    atLeastOnce: true",
      after:
        "triggers:\n  - template:\n      name: notify\n      http: { url: http://shop }\n    retryStrategy: { steps: 3 }",
    },
  },
  FILTER_NOT_ANY: {
    id: "TM1102",
    says: 'A data filter with "!=" and several values passes as soon as the value differs from one of them.',
    fix: "Write one data filter for each value: all of them must pass.",
    retry: "never",
    why: "A filter matches when any of its values does. With two different values everything differs from one of the two, so the filter lets everything through.",
    example: {
      before: 'data:\n  - { path: body.state, type: string, comparator: "!=", value: [new, open] }',
      after:
        'data:\n  - { path: body.state, type: string, comparator: "!=", value: [new] }\n  - { path: body.state, type: string, comparator: "!=", value: [open] }',
    },
  },
  DATA_PATH_MISSING: {
    id: "TM1103",
    says: "A path begins with a key that the data of this event source type never has.",
    fix: "Begin the path with the key that holds the message, usually `body.`.",
    retry: "never",
    why: "Each event source type puts what came from outside into an envelope of its own: a webhook's event is `{ header, body }`, with the posted document under `body`. A filter on a path that does not exist is false for every event, and a parameter from there has no value.",
    example: {
      before: "filters:\n  data:\n    - { path: order.state, type: string, value: [new] }",
      after: "filters:\n  data:\n    - { path: body.order.state, type: string, value: [new] }",
    },
  },
  BODY_ENCODED: {
    id: "TM1104",
    says: "A path leads into a body that is text, not JSON.",
    fix: "Set `jsonBody: true` in the EventSource, where the type has it; or read the body as text.",
    retry: "never",
    why: "Without `jsonBody: true` most event source types put the message into `body` as base64 text. There is nothing inside a text that a path could find.",
    example: {
      before: "sqs:\n  orders: { region: eu-central-1, queue: orders }",
      after: "sqs:\n  orders: { region: eu-central-1, queue: orders, jsonBody: true }",
    },
  },
  FILTER_NEVER: {
    id: "TM1105",
    says: "A filter can never pass.",
    fix: "Correct the values or the comparator; use `dataLogicalOperator: or` if one of several is enough.",
    retry: "never",
    why: "Data filters are joined by `and` unless `dataLogicalOperator` says otherwise: one value cannot be two things at once. Texts know only `=` and `!=`.",
    example: {
      before:
        "data:\n  - { path: body.n, type: number, value: ['1'] }\n  - { path: body.n, type: number, value: ['2'] }",
      after: "data:\n  - { path: body.n, type: number, value: ['1', '2'] }",
    },
  },
  EXPRESSION_CUT: {
    id: "TM1106",
    says: "The end of an expression is ignored, because it is complete before.",
    fix: "Join the parts with `&&` or `||`.",
    retry: "never",
    why: "The language of `exprs` stops at a complete expression and does not look at what follows: a condition written behind it has no effect.",
    example: { before: "expr: (a == 1) (b == 2)", after: "expr: (a == 1) && (b == 2)" },
  },
  TEMPLATE_COMPARES: {
    id: "TM1107",
    says: "A template compares a value of the event with one of another type, which is an error for every event.",
    fix: "Write the number with a point (`42.0`), or convert the value: `(int .Input.n)`.",
    retry: "never",
    why: "Numbers of JSON are floating-point numbers to a Go template, and a plain `42` is an integer: comparing the two fails with `incompatible types for comparison`. In the template of a data filter `.Input` is text.",
    example: { before: "{{ if eq .Input.body.n 42 }}", after: "{{ if eq .Input.body.n 42.0 }}" },
  },
  TEMPLATE_NUMBER: {
    id: "TM1108",
    says: "A template prints a number of the event, and large ones come out as 1e+06.",
    fix: "Use `dataKey`, which keeps the digits, or `{{ int64 .Input.x }}`.",
    retry: "never",
    why: "Numbers of JSON are floating-point numbers to a Go template, which prints a million as `1e+06` and 12345678 as `1.2345678e+07`. `dataKey` copies the digits as they are in the event.",
    example: { before: 'dataTemplate: "{{ .Input.body.orderId }}"', after: "dataKey: body.orderId" },
  },
  DEST_LOST: {
    id: "TM1109",
    says: "What a parameter sets is lost, or set where nothing is.",
    fix: "Correct `dest`: the place must be there, and no later parameter may replace it.",
    retry: "never",
    why: "Parameters are applied in their order. A later one that sets the same place, or a place around it, replaces what was set; an index behind the end of a list fills the gap with null; a `dest` with a query changes only places that are there.",
    example: {
      before: "payload:\n  - { src: …, dest: order.id }\n  - { src: …, dest: order }",
      after: "payload:\n  - { src: …, dest: order }\n  - { src: …, dest: order.id }",
    },
  },
  RESET_ZONE: {
    id: "TM1110",
    says: "A `conditionsReset` without `timezone` runs in UTC.",
    fix: "Write the zone that is meant, such as `timezone: Europe/Berlin`, or `timezone: UTC`.",
    retry: "never",
    why: "Argo Events uses the zone of the process, which is UTC in its image. Elsewhere the same manifest would reset at another hour.",
    example: { before: "byTime: { cron: 0 8 * * * }", after: "byTime: { cron: 0 8 * * *, timezone: UTC }" },
  },
  DEPENDENCY_UNUSED: {
    id: "TM1111",
    says: "No trigger's conditions name a dependency: its events do nothing.",
    fix: "Name it in the `conditions` of a trigger, or remove it.",
    retry: "never",
    why: "Only dependencies that occur in the conditions of a trigger concern it. Without `conditions` a trigger needs all of them, so that one with conditions is where a dependency gets lost.",
  },
  TRIGGER_UNREACHABLE: {
    id: "TM1112",
    says: "A trigger can never fire.",
    fix: "Look at the findings of the dependencies that its conditions need.",
    retry: "never",
    why: "Its conditions need a dependency that never gets an event: its event does not exist, or its filters can never pass.",
  },
  TRIGGER_TYPES: {
    id: "TM1113",
    says: "A trigger has several types, and only one of them runs.",
    fix: "Make a trigger of each.",
    retry: "never",
    why: "Of several types the first runs that Argo Events looks for, whatever their order in the manifest: k8s, argoWorkflow, http, awsLambda, azureEventHubs, azureServiceBus, kafka, pulsar, nats, slack, openWhisk, custom, log, email.",
  },
  NAME_COLLISION: {
    id: "TM1114",
    says: "Names of dependencies differ only by `-` and `_`.",
    fix: "Rename one of them.",
    retry: "never",
    why: "Argo Events replaces `-` by `_` in conditions, so that it takes the two for one. Here they are two.",
  },
  SECRET_KEY_MISSING: {
    id: "TM1115",
    says: "A Secret or ConfigMap of the manifests does not have a key that is asked for.",
    fix: "Correct `key`, or add it to the object.",
    retry: "never",
    why: "A value can also come from the environment or from the secrets folder, so that only Secrets and ConfigMaps that are among the manifests are looked into.",
  },
  BACKOFF_QUOTED: {
    id: "TM1116",
    says: "A number of a backoff is written as text.",
    fix: "Remove the quotes.",
    retry: "never",
    why: 'Argo Events cannot read it: such a trigger never runs there ("invalid backoff configuration"). Here it is read as the number.',
    example: { before: 'retryStrategy: { steps: 3, factor: "2" }', after: "retryStrategy: { steps: 3, factor: 2 }" },
  },
  EVENT_TWICE: {
    id: "TM1117",
    says: "Two dependencies of a Sensor take the same event from a NATS Streaming bus.",
    fix: "Use one dependency, or another kind of EventBus.",
    retry: "never",
    why: "Argo Events refuses such a Sensor on that bus (`nats`).",
  },
  EVENT_LOOP: {
    id: "TM1118",
    says: "An event that a trigger puts comes back to it: each round makes the next one.",
    fix: "Put another event, or let a filter end the rounds; after 16 rounds the guard against loops does (TM7031).",
    retry: "never",
    why: "A Sensor that waits for the event that it puts itself, or that another one puts because of it, never comes to an end. Filters of the dependencies may end it before, which lint does not look at.",
    example: {
      before:
        "dependencies:\n  - { name: order, eventSourceName: shop, eventName: order }\ntriggers:\n  - template:\n      name: again\n      event: { source: shop, event: order }",
      after:
        "dependencies:\n  - { name: order, eventSourceName: shop, eventName: order }\ntriggers:\n  - template:\n      name: next\n      event: { source: shop, event: accepted }",
    },
  },
  DEAD_TWICE: {
    id: "TM1119",
    says: "A `dlqTrigger` runs for messages that stay on their queue until they succeed.",
    fix: "Leave out `dlqTrigger`, and let the queue's redrive policy move the message; or leave out `ackPolicy: onTriggered`.",
    retry: "never",
    why: "With `ackPolicy: onTriggered` a message that failed comes again, until the redrive policy of its queue moves it to the dead-letter queue. A `dlqTrigger` runs each time, so that the message is in two places, or several times in one.",
  },
  EXTENSION_USED: {
    id: "TM1120",
    says: "A field or type is tidemill's own: Argo Events ignores it.",
    fix: "Nothing to do if Argo Events' behaviour without it is fine there.",
    retry: "never",
    why: "Told by `lint --portable` only. Argo Events ignores fields that it does not know, so that the manifest works there, without what the field is for. A type that it does not know never runs.",
  },
  DIFFERS_UPSTREAM: {
    id: "TM1121",
    says: "Argo Events does something else with this manifest.",
    fix: "Change it as the finding says, so that both do the same.",
    retry: "never",
    why: "Told by `lint --portable` only: places where tidemill keeps what Argo Events would lose, or where it crashes.",
  },
} as const satisfies Record<string, Code>;
