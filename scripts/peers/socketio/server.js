// Socket.IO v4 with the events of scenarios/dialects/socketio.toml: `join` with a room's name, `message` to everybody in it. Counters at
// /stats.
//
//   npm ci && node server.js --port 9103
const http = require("node:http");
const { Server } = require("socket.io");

const port = Number(process.argv[process.argv.indexOf("--port") + 1] || 9103);
const stats = { received: 0, delivered: 0 };

const server = http.createServer((request, response) => {
  if (request.url !== "/stats") return;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(stats) + "\n");
});
const io = new Server(server, { serveClient: false, transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("join", (room, done) => {
    socket.join(room);
    socket.data.room = room;
    done();
  });
  socket.on("message", (text) => {
    const { room } = socket.data;
    if (room === undefined) return;
    stats.received += 1;
    stats.delivered += io.sockets.adapter.rooms.get(room)?.size ?? 0;
    io.to(room).emit("message", text);
  });
});
server.listen({ host: "127.0.0.1", port, backlog: 4096 });
process.on("SIGTERM", () => process.exit(0));
