// ws on Node, as its documentation shows a broadcast: a loop over the clients.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ port: Number(process.env.PORT ?? 0), host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.send('{"ready":true}');
  socket.on("message", (data) => {
    const text = data.toString();
    for (const client of server.clients) if (client.readyState === 1) client.send(text);
  });
});
server.on("listening", () => console.log(`listening ${server.address().port}`));
