import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../test/servers/server.ts";
import { helloOn, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";

let folder = "";
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-usage-"));
  await writeFile(at("hello.yaml"), await helloOn(await freePort()));
  await writeFile(
    at("broken.yaml"),
    "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s}\nspec: {depndencies: []}\n",
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("help and refusals", () => {
  test("help begins with examples, on standard output", async () => {
    for (const args of [["--help"], ["run", "--help"], ["dlq", "--help"], ["help", "lint"], ["jobs", "rm", "--help"]]) {
      const { code, out, err } = await tidemill(args);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/^Examples:\n {2}tidemill /);
    }
  });

  test("no verb at all is refused with the help, on standard error", async () => {
    const { code, out, err } = await tidemill([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^Examples:\n/);
  });

  test("a misspelt verb or flag is refused with the one that was meant, and nothing on standard output", async () => {
    expect(await tidemill(["lintt", "."])).toEqual({
      code: 2,
      out: "",
      err: "error: unknown command 'lintt'; did you mean lint?\n",
    });
    const flag = await tidemill(["run", ".", "--ephemral"]);
    expect(flag).toMatchObject({
      code: 2,
      out: "",
      err: "error: unknown option '--ephemral'; did you mean --ephemeral?\n",
    });
    const sub = await tidemill(["dlq", "rety"]);
    expect(sub).toMatchObject({ code: 2, err: expect.stringContaining("did you mean retry?") });
  });

  test("values of the wrong form are refused, naming the form", async () => {
    const cases: readonly (readonly [string[], string])[] = [
      [["run", ".", "--admin", "7788"], "write HOST:PORT"],
      [["run", ".", "--admin-host", "http://a.example"], "write names"],
      [["token", "create", "ci", "--scope", "root"], "Allowed choices are view"],
      [["token", "create", " "], "write a name"],
      [["run", ".", "--drain-timeout", "soon"], "write a duration"],
      [["run", ".", "--bus-max-bytes", "lots"], "write bytes"],
      [["run", ".", "--jobs", "pods"], "Allowed choices are process"],
      [["events", "ls", "--limit", "-3"], "write a whole number"],
      [["send", "web/hello"], "required option '-d, --data <JSON>' not specified"],
      [["send", "hello", "-d", "{}"], "write EVENTSOURCE/EVENT"],
      [["send", "web/hello", "-d", "{"], "is not JSON"],
      [["dlq", "retry"], "give the ids to retry, or --all"],
    ];
    for (const [args, said] of cases) {
      const { code, out, err } = await tidemill(args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toContain(said);
    }
  });

  test("version answers for people and for programs", async () => {
    expect((await tidemill(["version"])).out).toMatch(/^tidemill \d+\.\d+\.\d+ \(Node 2/);
    const { out } = await tidemill(["version", "-o", "json"]);
    expect(answers.version.parse(JSON.parse(out)).node).toBe(process.versions.node);
  });
});

describe("lint", () => {
  test("good manifests end with 0, and nothing on standard output", async () => {
    expect(await tidemill(["lint", at("hello.yaml")])).toEqual({
      code: 0,
      out: "",
      err: "1 file: 0 errors, 0 warnings\n",
    });
  });

  test("bad ones end with 1 and say where, what and how to mend it, without colour", async () => {
    const { code, out } = await tidemill(["lint", at("broken.yaml")]);
    expect(code).toBe(1);
    expect(out).toContain(`${at("broken.yaml")}:4:`);
    expect(out).toContain("did you mean dependencies");
    expect(out).not.toContain("\u001b[");
  });

  test("colour comes when it is forced, and not against NO_COLOR", async () => {
    const forced = await tidemill(["lint", at("broken.yaml")], { env: { FORCE_COLOR: "1" } });
    expect(forced.out).toContain("\u001b[");
    const against = await tidemill(["lint", at("broken.yaml")], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
    expect(against.out).not.toContain("\u001b[");
  });

  test("for programs it is what its schema says", async () => {
    const { code, out } = await tidemill(["lint", folder, "-o", "json"]);
    const answer = answers.lint.parse(JSON.parse(out));
    expect(code).toBe(1);
    expect(Object.keys(answer)).toEqual(["findings"]);
    expect(new Set(answer.findings.map(({ file }) => file))).toEqual(new Set([at("broken.yaml")]));
    expect(answer.findings).toContainEqual({
      file: at("broken.yaml"),
      line: 4,
      column: 8,
      severity: "warning",
      code: "TM1024",
      message: "depndencies is not known here; did you mean dependencies?",
      fix: "Write dependencies.",
    });
  });

  test("a path that is not there is a finding, not a crash", async () => {
    const { code, out } = await tidemill(["lint", at("nowhere")]);
    expect(code).toBe(1);
    expect(out).toContain("TM1006");
  });
});

describe("without a server", () => {
  test("every verb that needs one ends with 3 and says how to start it", async () => {
    for (const args of [["status"], ["why", "x"], ["dlq", "ls"], ["jobs"], ["audit"], ["events", "ls"]]) {
      const { code, out, err } = await tidemill([...args, "--data-dir", at("none")]);
      expect([args, code, out]).toEqual([args, 3, ""]);
      expect(err).toContain("tidemill run PATH");
    }
  });

  test("an address that the process left behind is told as such", async () => {
    const port = await freePort();
    await writeFile(at("admin.json"), JSON.stringify({ url: `http://127.0.0.1:${port}`, pid: 4711 }));
    const { code, err } = await tidemill(["status", "--data-dir", folder]);
    expect(code).toBe(3);
    expect(err).toContain("left behind by process 4711");
  });

  test("what is no tidemill is not taken for one", async () => {
    const port = await freePort();
    using _ = await listeningOn(port);
    const { code, err } = await tidemill(["status", "--admin", `127.0.0.1:${port}`]);
    expect(code).toBe(3);
    expect(err).toContain("nothing answers at");
  });

  test("a record that is not there is refused", async () => {
    const { code, err } = await tidemill(["audit", "--record", `sqlite:${at("none.sqlite")}`]);
    expect(code).toBe(2);
    expect(err).toContain("none.sqlite");
  });
});

describe("run refuses", () => {
  test("manifests of which nothing can run, with their findings", async () => {
    const { code, err } = await tidemill(["run", at("broken.yaml"), "--data-dir", at("d"), "--log-format", "pretty"]);
    expect(code).toBe(2);
    expect(err).toContain("did you mean dependencies");
    expect(err).toContain("error[TM7001]");
  });

  test("a port that is taken, before it takes anything, naming the option that gives another", async () => {
    const port = await freePort();
    using _ = await listeningOn(port);
    const args = ["run", at("hello.yaml"), "--data-dir", at("taken"), "--log-format", "pretty"];
    const address = `127.0.0.1:${port}`;
    const admin = await tidemill([...args, "--admin", address, "--metrics", "none"]);
    expect(admin).toMatchObject({ code: 2, err: expect.stringContaining(`${address}: another program listens there`) });
    expect(admin.err).toContain("`--admin HOST:PORT`");
    const metrics = await tidemill([...args, "--admin", "none", "--metrics", address]);
    expect(metrics).toMatchObject({ code: 2, err: expect.stringContaining("`--metrics HOST:PORT`") });
  });

  test("an admin API that others could reach, while there is no token to ask them for", async () => {
    const args = ["run", at("hello.yaml"), "--data-dir", at("open")];
    const beyond = await tidemill([...args, "--admin", "0.0.0.0:0"]);
    expect(beyond).toMatchObject({ code: 2, err: expect.stringContaining("error[TM7080]") });
    expect(beyond.err).toContain("tidemill token create NAME");
    const behind = await tidemill([...args, "--admin-host", "tide.example"]);
    expect(behind).toMatchObject({ code: 2, err: expect.stringContaining("error[TM7080]") });
  });
});

test("the schema files of the reference are those of the answers", async () => {
  for (const [verb, schema] of Object.entries(answers)) {
    const file = new URL(`../../docs/reference/cli/${verb}.json`, import.meta.url);
    const { title: _, ...written } = JSON.parse(await readFile(file, "utf8"));
    expect(written, `${verb}: run \`npm run gen\``).toEqual(z.toJSONSchema(schema, { io: "output" }));
  }
});

/** Something that takes connections and hangs up. */
async function listeningOn(port: number): Promise<Disposable> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { [Symbol.dispose]: () => void server.close() };
}
