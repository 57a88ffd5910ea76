// Socket.IO on Node with its defaults, WebSocket transport: everybody in one room, each message emitted to it.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.join("room");
  socket.emit("ready");
  socket.on("m", (text) => io.to("room").emit("m", text));
});
http.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`listening ${http.address().port}`));
