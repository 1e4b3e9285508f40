// The same hub on Bun's own server and its publish/subscribe topics: /ws/{room}. Counters at /stats.
//
//   npm ci && npx bun hub.js --port 9104
const port = Number(process.argv[process.argv.indexOf("--port") + 1] || 9104);
const stats = { received: 0, delivered: 0 };

const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/stats") return Response.json(stats);
    return server.upgrade(request, { data: { room: pathname } }) ? undefined : new Response("not found", { status: 404 });
  },
  websocket: {
    open(socket) {
      socket.subscribe(socket.data.room);
    },
    message(socket, data) {
      stats.received += 1;
      stats.delivered += server.subscriberCount(socket.data.room);
      server.publish(socket.data.room, data);
    },
    close(socket) {
      socket.unsubscribe(socket.data.room);
    },
  },
});
process.on("SIGTERM", () => process.exit(0));
