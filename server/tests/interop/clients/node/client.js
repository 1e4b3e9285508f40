// A client on Node: the `ws` package, and `fetch` for event streams. Its language is in ../README.md.
"use strict";

const readline = require("readline");
const WebSocket = require("ws");

let socket;

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");

const commands = {
  connect({ url }) {
    let cursor = null;
    let refused = false;
    socket = new WebSocket(url);
    socket.on("upgrade", (answer) => (cursor = answer.headers["fanout-cursor"] ?? null));
    socket.on("open", () => say({ event: "open", cursor }));
    socket.on("unexpected-response", (request, answer) => {
      refused = true;
      say({ event: "refused", status: answer.statusCode });
      request.destroy();
    });
    socket.on("message", (data, binary) =>
      say(binary ? { event: "binary", data: data.toString("base64") } : { event: "text", data: data.toString() }),
    );
    socket.on("pong", (data) => say({ event: "pong", data: data.toString() }));
    socket.on("error", (error) => refused || console.error(error));
    socket.on("close", (code, reason) => refused || say({ event: "closed", code, reason: reason.toString() }));
  },

  text({ data }) {
    socket.send(data);
  },

  binary({ data }) {
    socket.send(Buffer.from(data, "base64"));
  },

  fragments({ kind, data, size }) {
    const bytes = Buffer.from(data, "base64");
    const part = (from) =>
      socket.send(bytes.subarray(from, from + size), { binary: kind === "binary", fin: from + size >= bytes.length });
    part(0);
    socket.ping("between");
    socket.once("pong", () => {
      for (let from = size; from < bytes.length; from += size) part(from);
    });
  },

  ping({ data }) {
    socket.ping(data);
  },

  close({ code, reason }) {
    if (code === null) socket.close();
    else socket.close(code, reason);
  },

  async sse({ url, last }) {
    try {
      const answer = await fetch(url, { headers: last === null ? {} : { "Last-Event-ID": last } });
      if (!answer.ok) return say({ event: "refused", status: answer.status });
      say({ event: "open", cursor: answer.headers.get("fanout-cursor") });
      await read(answer.body);
    } catch {
      // A connection that was cut: the same as an end.
    }
    say({ event: "ended" });
  },
};

// Reads an event stream to its end, by the grammar of the HTML standard.
async function read(body) {
  const decoder = new TextDecoder();
  let [text, id, name, data] = ["", "", "message", []];
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    // A CR at the end may be half of a line's end.
    for (let end; (end = /\r\n|\n|\r(?!$)/.exec(text)) !== null; ) {
      const line = text.slice(0, end.index);
      text = text.slice(end.index + end[0].length);
      if (line === "") {
        if (data.length > 0) say({ event: "streamed", id, name, data: data.join("\n") });
        [name, data] = ["message", []];
        continue;
      }
      const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
      if (field === "id") id = value ?? "";
      if (field === "event") name = value ?? "";
      if (field === "data") data.push(value ?? "");
    }
  }
}

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
