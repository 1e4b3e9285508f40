// The hub of every tutorial, on the `ws` package: what a member of /broadcast/{room} sends goes to every member.
//
//   node hub.js --port 9001 [--context on|off [--bits 12]]
//
// Compression is off unless --context says whether messages may refer to earlier ones.
const { WebSocketServer } = require("ws");

const flag = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
let perMessageDeflate = false;
if (flag("--context")) {
  perMessageDeflate = { threshold: 0 };
  // `false` would refuse clients that ask for it.
  if (flag("--context") === "off") perMessageDeflate.serverNoContextTakeover = true;
  if (flag("--bits")) perMessageDeflate.serverMaxWindowBits = Number(flag("--bits"));
}

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(flag("--port")), perMessageDeflate });
server.on("connection", (socket, request) => {
  const room = request.url;
  if (!rooms.has(room)) rooms.set(room, new Set());
  const members = rooms.get(room);
  members.add(socket);
  socket.on("message", (data, binary) => {
    for (const member of members) member.send(data, { binary });
  });
  socket.on("close", () => members.delete(socket));
});
process.on("SIGTERM", () => process.exit(0));
