import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { describeWithServer } from "../servers/describe.ts";
import { readDockerfile } from "./dockerfile.ts";
import { deploy, root } from "./files.ts";
import { faultsOf } from "./infra.ts";

/* The loader of docker compose checks the file; what it does not check is checked here. */

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly security_opt?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly network_mode?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const text = await readFile(join(deploy, "compose.yaml"), "utf8");
const { services, volumes } = parse(text, { merge: true }) as Compose;
const all = Object.entries(services);

/** Whether the image of a service brings a healthcheck of its own: ours does. */
const hasHealth = (name: string): boolean => {
  const { image, healthcheck } = services[name] ?? expect.fail(`no service ${name}`);
  return healthcheck?.test !== undefined || (image.startsWith("tidemill:") && healthcheck === undefined);
};

test("every service is there: tidemill, its recorder, MariaDB, Prometheus and Grafana", () => {
  expect(Object.keys(services).sort()).toEqual(["grafana", "mariadb", "prometheus", "publish", "recorder", "tidemill"]);
  const { build } = services.tidemill ?? expect.fail("no tidemill");
  expect(existsSync(join(deploy, build?.context ?? "?", build?.dockerfile ?? "?"))).toBe(true);
});

test.each(all)("%s has a read-only root, no capability, and cannot get one", (_, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
  expect(service.cap_add ?? []).toEqual([]);
  expect(service.privileged ?? false).toBe(false);
});

test.each(all)("%s has an image of one version and a public name", (_, { image }) => {
  expect(image).toMatch(/^(tidemill:local|([a-z]+\/)?[a-z]+:v?\d+\.\d+\.\d+)$/);
});

test.each(all)("%s writes to named volumes only, and reads what is there", (_, { volumes: mounts = [] }) => {
  for (const mount of mounts) {
    // a variable's default may hold a colon
    const [, from = "", , mode] = /^(\$\{\w+:-[^}]+\}|[^:]+):([^:]+)(?::(\w+))?$/.exec(mount) ?? expect.fail(mount);
    const path = /^\$\{\w+:-([^}]+)\}$/.exec(from)?.[1] ?? from;
    if (path.startsWith(".")) {
      expect(existsSync(join(deploy, path)), mount).toBe(true);
      expect(mode, mount).toBe("ro");
    } else {
      expect(Object.keys(volumes), mount).toContain(path);
    }
  }
});

test.each(all)("%s says when it is healthy, and waits for what it needs", (name, { depends_on = {}, healthcheck }) => {
  expect(hasHealth(name) || healthcheck?.disable === true).toBe(true);
  for (const [other, { condition }] of Object.entries(depends_on)) {
    expect(services[other], other).toBeDefined();
    if (condition === "service_healthy") expect(hasHealth(other), other).toBe(true);
  }
});

test("no password stands in it, and only SNS's port is open to other machines", () => {
  for (const [, value] of all.flatMap(([, { environment = {} }]) => Object.entries(environment))) {
    expect(value).not.toMatch(/:\/\/[^:]+:(?!\$\{)[^@]+@/);
  }
  const secret = /^\s+[A-Z_]*(PASSWORD|SECRET_ACCESS_KEY|SESSION_TOKEN): (.*)$/gm;
  for (const [line, , value] of text.matchAll(secret)) expect(value, line).toMatch(/^(\$\{|"1"$)/);
  const open = all.flatMap(([, { ports = [] }]) => ports).filter((port) => !port.startsWith("127.0.0.1:"));
  expect(open).toEqual(["12000:12000"]);
});

test("the addresses fit together: the scrape, the data source, the dashboard, the recorder, the data folder", async () => {
  const read = async (...path: readonly string[]): Promise<string> => readFile(join(deploy, ...path), "utf8");
  expect(await read("prometheus", "prometheus.yml")).toContain("tidemill:7777");
  expect(services.tidemill).toMatchObject({ command: expect.arrayContaining(["--metrics", "0.0.0.0:7777"]) });
  expect(await read("grafana", "provisioning", "datasources", "prometheus.yml")).toContain(
    "url: http://prometheus:9090",
  );
  const { path } = (
    parse(await read("grafana", "provisioning", "dashboards", "tidemill.yml")) as {
      readonly providers: readonly [{ readonly options: { readonly path: string } }];
    }
  ).providers[0].options;
  expect(services.grafana?.volumes).toContain(`./grafana/dashboard.json:${path}/tidemill.json:ro`);
  const topic = await readFile(join(root, "examples", "orders", "manifests", "topic.yaml"), "utf8");
  expect(services.recorder?.network_mode).toBe("service:tidemill");
  expect(topic).toContain(`http://127.0.0.1:${services.recorder?.environment?.PORT}/messages`);
  expect(topic).toContain('port: "12000"');
  const [volume] = readDockerfile(await read("Dockerfile")).filter(({ word }) => word === "VOLUME");
  expect(services.tidemill?.volumes).toContain(`data:${volume?.text}`);
});

describeWithServer("infra", () => {
  test("the loader of docker compose takes it", () => {
    expect(faultsOf("compose", join(deploy, "compose.yaml"), { ORDERS_DATABASE_PASSWORD: "x" })).toBe("");
  });

  test("the loader of docker compose wants the password", () => {
    expect(faultsOf("compose", join(deploy, "compose.yaml"))).toContain("ORDERS_DATABASE_PASSWORD");
  });
});
