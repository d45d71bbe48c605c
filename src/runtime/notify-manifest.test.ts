import { expect, test } from "vitest";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";

function plan(notification: string, dependency = "order") {
  const text = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: orders}
spec:
  dependencies: [{name: ${dependency}, eventSourceName: shop, eventName: order}]
  triggers:
    - template: {name: ship, log: {}}
  notifications:
${notification.replace(/^/gm, "    ")}
`;
  const { sensors, findings } = planTexts([{ file: "a.yaml", folder: ".", named: true, text }], lists);
  return { plan: sensors[0], findings: findings.map(({ severity, path, message }) => ({ severity, path, message })) };
}

const errors = (notification: string, dependency?: string) =>
  plan(notification, dependency).findings.filter(({ severity }) => severity === "error");

test("a notification is a trigger of its own, tried again, whose body is the failure", () => {
  const { plan: made } = plan("- {name: tell, template: {http: {url: http://a.example}}}");
  const [tell] = made?.notifications ?? [];
  expect(tell).toMatchObject({ name: "tell", fold: { windowMs: 60_000 }, trigger: { kind: "http" } });
  expect(tell?.trigger.retry).toMatchObject({ attempts: 8, declared: true });
  expect(JSON.parse(tell?.trigger.template ?? "")).toMatchObject({
    http: { payload: [{ src: { dependencyName: "failure", dataKey: "@this" }, dest: "" }] },
  });
  expect([...(tell?.on ?? [])]).toEqual(["dead"]);
});

test.each([
  ["- {name: ship, template: {log: {}}}", "name", "another notification or trigger ship"],
  ["- {name: a, template: {log: {}}}\n- {name: a, template: {log: {}}}", "name", "another notification"],
  ["- {name: a/b, template: {log: {}}}", "name", "no /"],
  ["- {name: a, template: {}}", "template", "no trigger type"],
  ["- {name: a, template: {http: {}}}", "url", "url is missing"],
  ["- {name: a, on: [gone], template: {log: {}}}", "0", ""],
  ["- {name: a, template: {log: {}}, fold: {window: soon}}", "window", ""],
  ["- {name: a, template: {log: {}}, fold: {key: '{{ .Input'}}", "key", ""],
  [
    "- {name: a, template: {log: {}}, target: {from: {dependencyName: order, dataKey: to}, allow: [example.com]}}",
    "0",
    "allows nothing",
  ],
  [
    "- {name: a, template: {log: {}}, target: {from: {dependencyName: order, dataKey: to}, allow: ['https://a.example/*'], template: {kafka: {}}}}",
    "kafka",
    "no target is of type",
  ],
])("%s is at fault", (notification, at, why) => {
  const found = errors(notification);
  expect(found.map(({ path }) => String(path.at(-1)))).toContain(at);
  expect(found.map(({ message }) => message).join("\n")).toContain(why);
});

test("a dependency of the name of what is told is at fault, only where something is told", () => {
  expect(errors("- {name: a, template: {log: {}}}", "failure")[0]?.message).toContain("the name of what they tell");
  expect(errors("[]", "failure")).toEqual([]);
});

test("names and keys that nothing has are told", () => {
  const text = `- name: a
  triggers: [shop]
  template: {sns: {region: eu-west-1, topicArn: "arn:aws:sns:eu-west-1:123456789012:a", subjet: x}}
  parameters: [{src: {dependencyName: ordr, dataKey: x}, dest: sns.subject}]`;
  const { findings, plan: made } = plan(text);
  expect(made).toBeDefined();
  const told = findings.map(({ message }) => message).join("\n");
  expect(told).toContain("no trigger is called shop");
  expect(told).toContain("no dependency ordr");
  expect(told).toContain("subjet");
});

test("settings of the template that may be secret are not for targets that events name", () => {
  const text = `- name: a
  template: {http: {url: "https://us.example", headers: {Authorization: secret}}}
  parameters: [{src: {dependencyName: order, dataKey: x}, dest: http.url}]
  target: {from: {dependencyName: order, dataKey: to}, allow: ["https://a.example/*"]}`;
  const way = plan(text).plan?.notifications[0]?.target?.ways.get("http");
  expect(way?.template).not.toContain("secret");
  expect(way?.parameters).toEqual([]);
  expect(JSON.parse(way?.template ?? "")).toMatchObject({ name: "a@http", http: { followRedirects: false } });
});

test("no parameter can put another target in the place of the one that was checked", () => {
  const text = `- name: a
  template: {slack: {slackToken: {name: s, key: k}, channel: ours, parameters: [{src: {dependencyName: order, dataKey: x}, dest: channel}]}}
  target: {from: {dependencyName: order, dataKey: to}, allow: ["slack:#jobs-*"]}`;
  const way = plan(text).plan?.notifications[0]?.target?.ways.get("slack");
  const { slack } = JSON.parse(way?.template ?? "") as { slack: { parameters: { dest: string; src: object }[] } };
  expect(slack.parameters.filter(({ dest }) => dest === "channel").at(-1)?.src).toEqual({
    dependencyName: "failure",
    dataKey: "target",
  });
});
