import { type Address, LoadSocket } from "./socket.ts";

/** How to speak to a server under load: connect a reader or a publisher, publish a text, and tell a delivery from other frames. */
export interface Dialect {
  /** A connection that is in the room when the promise resolves. `n` numbers the people; they are spread over the nodes round-robin. */
  reader(n: number): Promise<LoadSocket>;
  /** The frame that asks the server to send `text` to the room. */
  publish(text: string, n: number): string;
  /** Whether these bytes are a delivery of a published text. Looks at a few bytes: it is called for every frame. */
  isDelivery(bytes: Uint8Array, start: number, end: number): boolean;
}

/** Where a server under load listens, and what its dialect needs; goes to the load process as JSON. */
export interface Target {
  dialect: "plain" | "socket.io" | "centrifugo" | "usher";
  host: string;
  /** One for each node. */
  ports: number[];
  /** Usher only: a token per person, and the rooms that each joins; the first channel is the one published to. */
  tokens?: string[];
  rooms?: string[];
  /** Usher only: where it listens for gRPC. */
  grpcPort?: number;
  /** Usher only: whether each subscribes to presence. */
  presence?: boolean;
}

const OPEN_TIMEOUT_MS = 60_000;

/** The URL to which person `n` connects. */
export function getAddress({ host, ports }: Target, n: number): Address {
  return { host, port: ports[n % ports.length]! };
}

/** Waits for the first frame that contains `part`; other frames are dropped. */
export function waitFor(socket: LoadSocket, part: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${part}" within ${OPEN_TIMEOUT_MS} ms`)), OPEN_TIMEOUT_MS);
    socket.onFrame = (bytes, start, end) => {
      const text = Buffer.from(bytes.subarray(start, end)).toString();
      if (text.includes('"system:error"')) reject(new Error(text));
      if (!text.includes(part)) return;
      clearTimeout(timer);
      resolve(text);
    };
  });
}

function plain(target: Target): Dialect {
  return {
    async reader(n) {
      const socket = await LoadSocket.open(getAddress(target, n), "/");
      await waitFor(socket, "ready");
      return socket;
    },
    publish: (text) => text,
    isDelivery: () => true,
  };
}

function socketIo(target: Target): Dialect {
  const PING = 0x32; // engine.io packet types are the first character: 2 ping, 3 pong, 4 message
  return {
    async reader(n) {
      const socket = await LoadSocket.open(getAddress(target, n), "/socket.io/?EIO=4&transport=websocket");
      socket.send("40");
      await waitFor(socket, "ready");
      return socket;
    },
    publish: (text) => `42${JSON.stringify(["m", text])}`,
    isDelivery: (bytes, start) => bytes[start] !== PING,
  };
}

/** Centrifugo's JSON protocol: it joins several documents, one on each line, into one frame. */
function centrifugo(target: Target): Dialect {
  const PUSH = 0x70; // {"push":… is a delivery, {"id":… a reply
  return {
    async reader(n) {
      const socket = await LoadSocket.open(getAddress(target, n), "/connection/websocket");
      socket.splitsLines = true;
      socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room"}}');
      await waitFor(socket, '"subscribe":');
      return socket;
    },
    publish: (text, n) => JSON.stringify({ id: n + 3, publish: { channel: "room", data: text } }),
    isDelivery: (bytes, start) => bytes[start + 2] === PUSH,
  };
}

/** `{"type":"message:created",…` : the 17th byte distinguishes it from every other frame of a reader that only reads. */
const CREATED = Buffer.from('{"type":"message:created"');

/** Person `n` connected to Usher, in no room yet. */
export async function connectUsher(target: Target, n: number, address = getAddress(target, n)): Promise<LoadSocket> {
  const token = target.tokens?.[n];
  const socket = await LoadSocket.open(address, "/ws", token === undefined ? {} : { Authorization: `Bearer ${token}` });
  await waitFor(socket, '"system:connected"');
  return socket;
}

/** The head of each room's log, as a position to resume from. */
export async function joinRooms(socket: LoadSocket, rooms: string[]) {
  const positions: Record<string, { seq: number; epoch: string }> = {};
  for (const room of rooms) {
    socket.send(JSON.stringify({ type: "room:join", payload: { room } }));
    const { payload } = JSON.parse(await waitFor(socket, '"room:joined"'));
    positions[room] = { seq: payload.seq, epoch: payload.epoch };
  }
  return positions;
}

function usher(target: Target): Dialect {
  const { rooms = [], presence } = target;
  const channel = rooms.find((room) => room.startsWith("channel:"))?.slice("channel:".length);
  return {
    async reader(n) {
      const socket = await connectUsher(target, n);
      for (const room of rooms) {
        socket.send(JSON.stringify({ type: "room:join", payload: { room, presence } }));
        await waitFor(socket, '"room:joined"');
      }
      return socket;
    },
    publish: (text, n) =>
      JSON.stringify({
        type: "message:send",
        id: n,
        payload: { channel_id: channel, content: text, client_id: `bench-${process.pid}-${n}` },
      }),
    isDelivery: (bytes, start, end) =>
      end - start > 60 && bytes[start + 9] === CREATED[9] && bytes[start + 17] === CREATED[17],
  };
}

export function createDialect(target: Target): Dialect {
  return { plain, "socket.io": socketIo, centrifugo, usher }[target.dialect](target);
}
