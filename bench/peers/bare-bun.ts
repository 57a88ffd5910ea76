/** The floor for a server on this runtime: upgrade, subscribe, and `publish` what any client sends. No log, no order, no recovery. */
const server = Bun.serve({
  port: Number(process.env.PORT ?? 0),
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("ok")),
  websocket: {
    open: (ws) => {
      ws.subscribe("room");
      ws.send('{"ready":true}');
    },
    message: (_ws, text) => {
      server.publish("room", text);
    },
  },
});
console.log(`listening ${server.port}`);
