import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";

/** `npm run build`: an empty `dist/`, then what the package ships. */
rmSync("dist", { recursive: true, force: true });
const built = spawnSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
if (built.status !== 0) process.exit(built.status ?? 1);
chmodSync("dist/cli/main.js", 0o755);
