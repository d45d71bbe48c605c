import type { Template } from "./template.ts";

const eventSource = (name: string): string => `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: web
spec:
  webhook:
    ${name}:
      endpoint: /${name}
      method: POST
      port: "12000"
`;

const curl = (path: string, body: string): readonly string[] => [
  "# in another terminal: the first event",
  `curl -d '${body}' -H 'content-type: application/json' http://127.0.0.1:12000/${path}`,
];

export const hello: Template = {
  name: "hello",
  summary: "What arrives at a webhook is logged",
  needs: [],
  firstEvent: curl("hello", '{"name":"ada"}'),
  eventSource: eventSource("hello"),
  sensor: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: hello
spec:
  dependencies:
    - name: greeting
      eventSourceName: web
      eventName: hello
  triggers:
    - template:
        name: log-it
        log: {}
`,
  test: `tests:
  - name: what arrives is logged
    given:
      - source: web/hello
        data: { body: { name: ada } }
    expect:
      fires:
        - trigger: log-it
          times: 1
          state: done
`,
};

export const webhookHttp: Template = {
  name: "webhook-http",
  summary: "Paid orders that arrive at a webhook are posted to a service",
  needs: ["a service that takes POST at http://127.0.0.1:8080/orders: change `url` in sensor.yaml"],
  firstEvent: curl("orders", '{"id":7,"state":"paid"}'),
  eventSource: eventSource("orders"),
  sensor: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: web
      eventName: orders
      filters:
        data:
          # a regular expression, as all string filters
          - path: body.state
            type: string
            value: ["^paid$"]
  triggers:
    - template:
        name: notify
        http:
          url: http://127.0.0.1:8080/orders
          method: POST
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
      # without it an answer of 500 is final
      retryStrategy:
        steps: 5
        duration: 1s
        factor: 2
        jitter: 0.2
`,
  test: `tests:
  - name: a paid order is posted, also when the service is away for a moment
    given:
      - source: web/orders
        data: { body: { id: 7, state: paid } }
    outcomes:
      notify: [{ error: connection refused }, { status: 503 }, { status: 200 }]
    expect:
      fires:
        - trigger: notify
          times: 1
          attempts: 3
          state: done
          rendered:
            method: POST
            body: { order: { id: 7, state: paid } }

  - name: an order that is not paid is not
    given:
      - source: web/orders
        data: { body: { id: 8, state: unpaid } }
    expect:
      not:
        - trigger: notify
          because: "dependency order: data 0"
`,
};

export const webhookJob: Template = {
  name: "webhook-job",
  summary: "Each request to a webhook starts a Kubernetes Job, or a process of this machine",
  needs: ["nothing here: the Job runs as a process; in a cluster, the right to create Jobs"],
  firstEvent: curl("build", '{"ref":"main"}'),
  eventSource: eventSource("build"),
  sensor: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: build
spec:
  dependencies:
    - name: push
      eventSourceName: web
      eventName: build
  triggers:
    - template:
        name: build-it
        k8s:
          operation: create
          source:
            resource:
              apiVersion: batch/v1
              kind: Job
              metadata:
                generateName: build-
              spec:
                backoffLimit: 2
                template:
                  spec:
                    restartPolicy: Never
                    containers:
                      - name: build
                        image: busybox
                        command: [echo, building]
                        args: [the branch comes here]
          parameters:
            - src:
                dependencyName: push
                dataKey: body.ref
              dest: spec.template.spec.containers.0.args.0
      retryStrategy:
        steps: 5
        duration: 1s
        factor: 2
`,
  test: `tests:
  - name: a push becomes a Job with its branch as argument
    given:
      - source: web/build
        data: { body: { ref: main } }
    expect:
      fires:
        - trigger: build-it
          times: 1
          state: done
          rendered:
            resource:
              kind: Job
              metadata: { generateName: build- }
              spec: { template: { spec: { containers: [{ args: [main] }] } } }
`,
};
