// A page in a headless browser as a client. Its language is in ../README.md; what happens in the page is in page.js.
//
//   node bridge.js BROWSER PROFILE_FOLDER [CA_FILE]
//
// The browser is driven over a pipe (file descriptors 3 and 4, messages end with a zero byte): no port is opened.
"use strict";

const { spawn } = require("child_process");
const { createHash, X509Certificate } = require("crypto");
const { readFileSync } = require("fs");
const path = require("path");
const readline = require("readline");

const [browser, profile, ca] = process.argv.slice(2);

const flags = [
  "--headless",
  "--remote-debugging-pipe",
  `--user-data-dir=${profile}`,
  // It visits nothing but the server under test; a sandbox needs rights that containers often lack.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--no-first-run",
  "--no-proxy-server",
];
if (ca !== undefined) {
  const key = new X509Certificate(readFileSync(ca)).publicKey.export({ type: "spki", format: "der" });
  flags.push(`--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`);
}

const child = spawn(browser, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
child.on("error", (error) => fail(error));
child.on("exit", (code) => fail(`the browser ended with ${code}`));
const [, , , toBrowser, fromBrowser] = child.stdio;
// After the browser's end, which is reported above.
toBrowser.on("error", () => {});

function fail(why) {
  console.error(`bridge: ${why}`);
  process.exit(1);
}

const answers = new Map();
const listeners = {
  "Runtime.bindingCalled": ({ payload }) => process.stdout.write(payload + "\n"),
  "Runtime.exceptionThrown": ({ exceptionDetails }) => console.error(exceptionDetails.exception?.description),
};
let serial = 0;
let session;

function call(method, params = {}) {
  const id = ++serial;
  toBrowser.write(JSON.stringify({ id, method, params, sessionId: session }) + "\0");
  return new Promise((resolve, reject) => answers.set(id, { resolve, reject }));
}

let rest = Buffer.alloc(0);
fromBrowser.on("data", (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  for (let end; (end = rest.indexOf(0)) !== -1; rest = rest.subarray(end + 1)) {
    const message = JSON.parse(rest.subarray(0, end).toString());
    const waiting = answers.get(message.id);
    answers.delete(message.id);
    if (message.error) waiting?.reject(new Error(message.error.message));
    else waiting?.resolve(message.result);
    listeners[message.method]?.(message.params);
  }
});

// A page of the server's own, so that its connections come from the same origin.
async function visit(url) {
  const origin = new URL(url.replace(/^ws/, "http")).origin;
  if (visit.at === origin) return;
  const loaded = new Promise((resolve) => (listeners["Page.loadEventFired"] = resolve));
  const { errorText } = await call("Page.navigate", { url: `${origin}/healthz` });
  if (errorText) fail(`${origin}: ${errorText}`);
  await loaded;
  visit.at = origin;
}

async function obey(command) {
  if (command.url !== undefined) await visit(command.url);
  const { exceptionDetails } = await call("Runtime.evaluate", { expression: `obey(${JSON.stringify(command)})` });
  if (exceptionDetails) fail(exceptionDetails.exception?.description ?? exceptionDetails.text);
}

async function main() {
  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  session = (await call("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  await call("Page.enable");
  await call("Runtime.enable");
  await call("Runtime.addBinding", { name: "tell" });
  const source = readFileSync(path.join(__dirname, "page.js"), "utf8");
  await call("Page.addScriptToEvaluateOnNewDocument", { source });
  for await (const line of readline.createInterface({ input: process.stdin })) await obey(JSON.parse(line));
  child.removeAllListeners("exit");
  child.once("exit", () => process.exit(0));
  child.kill();
}

main().catch(fail);
