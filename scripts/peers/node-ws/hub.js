// The hub of every tutorial, on Node's `ws`: what a member of /ws/{room} sends goes to every member. Counters at /stats.
//
//   npm ci && node hub.js --port 9102
const http = require("node:http");
const { WebSocketServer } = require("ws");

const port = Number(process.argv[process.argv.indexOf("--port") + 1] || 9102);
const rooms = new Map();
const stats = { received: 0, delivered: 0 };

const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "application/json");
  response.statusCode = request.url === "/stats" ? 200 : 404;
  response.end(JSON.stringify(stats) + "\n");
});
new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, request) => {
  const room = request.url;
  if (!rooms.has(room)) rooms.set(room, new Set());
  const members = rooms.get(room);
  members.add(socket);
  socket.on("message", (data, binary) => {
    stats.received += 1;
    for (const member of members) {
      member.send(data, { binary });
      stats.delivered += 1;
    }
  });
  socket.on("close", () => members.delete(socket));
});
server.listen({ host: "127.0.0.1", port, backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
