// Socket.IO on Node with its defaults, WebSocket transport: all clients in one room, each message emitted to it.
// With REDIS_URL several of them are connected by its Redis adapter.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
const redis = process.env.REDIS_URL;
if (redis !== undefined) io.adapter(createAdapter(new Redis(redis), new Redis(redis)));
io.on("connection", (socket) => {
  socket.join("room");
  socket.emit("ready");
  socket.on("m", (text) => io.to("room").emit("m", text));
});
http.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`listening ${http.address().port}`));
