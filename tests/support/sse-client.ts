import { waitUntil } from "./wait-until.ts";
import type { Received } from "./ws-client.ts";

export interface SseEvent {
  /** The value of `event:`; "message" without it. */
  event: string;
  frame: Received;
}

/** Reads a stream as a browser's EventSource would, but opens it once only. */
export interface SseClient {
  events: SseEvent[];
  /** Of the last event that had one. */
  lastId: string;
  /** ms of the last `retry:`. */
  retry: number;
  comments: number;
  ended: boolean;
  /** The first frame of this type; waits for it. */
  first(type: string): Promise<Received>;
  end(): Promise<void>;
  close(): void;
}

/** Opens a stream; rejects with the code of the problem document when it is refused. */
export async function openSse(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  if (response.status !== 200) throw new Error(((await response.json()) as { code: string }).code);
  const client: SseClient = {
    events: [],
    lastId: "",
    retry: 0,
    comments: 0,
    ended: false,
    async first(type) {
      const found = () => client.events.find(({ frame }) => frame.type === type);
      return (await waitUntil(`${type} came`, found)).frame;
    },
    end: async () => void (await waitUntil("the stream ended", () => client.ended)),
    close: () => abort.abort(),
  };
  void read(client, response.body!);
  return client;
}

async function read(client: SseClient, body: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of body) {
      text += decoder.decode(bytes, { stream: true });
      const events = text.split("\n\n");
      text = events.pop()!;
      for (const event of events) parseEvent(client, event);
    }
  } catch {
    // Cut: what came of an event before its end does not count.
  }
  client.ended = true;
}

function parseEvent(client: SseClient, text: string): void {
  let event = "message";
  let id: string | null = null;
  let data: string | null = null;
  for (const line of text.split("\n")) {
    const [, field = "", value = ""] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
    if (field === "") client.comments++;
    else if (field === "id") id = value;
    else if (field === "retry") client.retry = Number(value);
    else if (field === "event") event = value;
    else if (field === "data") data = value;
    else throw new Error(`a line that is no field: ${line}`);
  }
  // As browsers do: the id of an event counts when the event has come whole.
  if (id !== null) client.lastId = id;
  if (data !== null) client.events.push({ event, frame: JSON.parse(data) });
}
