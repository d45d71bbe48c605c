// Plain old JavaScript: it must run on the Node that it complains about. The repository runs on the Node that
// `npm ci` installs beside its packages; an older one runs here only when install scripts were switched off.
"use strict";
const [major] = process.versions.node.split(".").map(Number);
if (major < 24) {
  process.stderr.write(
    `tidemill's sources need Node 24, this is ${process.version}: run "npm ci" with install scripts on, which brings Node 24 along.\n`,
  );
  process.exit(2);
}
