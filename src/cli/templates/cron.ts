import type { Template } from "./template.ts";

export const cronHttp: Template = {
  name: "cron-http",
  summary: "A service is called by the clock",
  needs: ["a service that takes POST at http://127.0.0.1:8080/report: change `url` in sensor.yaml"],
  firstEvent: ["# the first event comes at the next whole minute"],
  eventSource: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: clock
spec:
  calendar:
    every-minute:
      schedule: "* * * * *"
      timezone: Europe/Berlin
      # ticks that were missed while nothing ran come at the start, as far back as this
      persistence:
        catchup:
          enabled: true
          maxDuration: 1h
`,
  sensor: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: report
spec:
  dependencies:
    - name: tick
      eventSourceName: clock
      eventName: every-minute
  triggers:
    - template:
        name: ask-for-it
        http:
          url: http://127.0.0.1:8080/report
          method: POST
          payload:
            - src:
                dependencyName: tick
                dataKey: eventTime
              dest: at
      # without it an answer of 500 is final
      retryStrategy:
        steps: 3
        duration: 5s
        factor: 2
`,
  test: `tests:
  - name: each tick asks for a report, and is tried again
    at: 2026-01-01T09:00:00Z
    given:
      - source: clock/every-minute
        data: { eventTime: 2026-01-01T09:00:00Z }
      - source: clock/every-minute
        at: +1m
        data: { eventTime: 2026-01-01T09:01:00Z }
    outcomes:
      ask-for-it: [{ status: 200 }, { status: 503 }, { status: 200 }]
    expect:
      fires:
        - trigger: ask-for-it
          times: 2
          state: done
        - trigger: ask-for-it
          times: 1
          attempts: 2
          rendered:
            body: { at: 2026-01-01T09:01:00Z }
`,
};
