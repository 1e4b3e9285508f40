// The hub of every tutorial, on the `ws` package: what a member of /broadcast/{room} sends goes to every member.
//
//   node hub.js --port 9001
const { WebSocketServer } = require("ws");

const port = Number(process.argv[process.argv.indexOf("--port") + 1]);
const rooms = new Map();

const server = new WebSocketServer({ host: "127.0.0.1", port, perMessageDeflate: false });
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
