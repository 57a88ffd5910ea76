import { type Row, report } from "./report.ts";
import { startUsher, type UsherServer } from "./usher.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const RATE = 100;

/** From the entry in the log until a receiver on this machine has the webhook, at 100 messages a second. */
export async function webhooks(): Promise<void> {
  const usher = await startUsher({ WEBHOOKS_ALLOW_PRIVATE: "true" });
  const token = await registerOwner(usher);
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${usher.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };
  const channel = await call("POST", "/channels", { type: "public", name: "Webhooks" });
  let delays: number[] = [];
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { timestamp } = (await request.json()) as { timestamp: string };
      delays.push(Date.now() - Date.parse(timestamp));
      return new Response();
    },
  });
  const rows: Row[] = [];
  for (const [endpoints, ordered] of [
    [1, false],
    [1, true],
    [10, false],
  ] as const) {
    const made: string[] = [];
    for (let i = 0; i < endpoints; i++) {
      const body = { url: `http://127.0.0.1:${receiver.port}/`, event_types: ["message:created"], ordered };
      made.push((await call("POST", "/webhook-endpoints", body)).id);
    }
    delays = [];
    const sent: Promise<unknown>[] = [];
    const began = performance.now();
    for (let i = 0; i < SECONDS * RATE; i++) {
      await Bun.sleep(Math.max(0, began + (i * 1_000) / RATE - performance.now()));
      sent.push(call("POST", `/channels/${channel.id}/messages`, { content: `message ${i}` }));
    }
    await Promise.all(sent);
    const wanted = sent.length * endpoints;
    for (let waited = 0; delays.length < wanted && waited < 30_000; waited += 20) await Bun.sleep(20);
    if (delays.length !== wanted) throw new Error(`${wanted} webhooks were due and ${delays.length} came`);
    for (const id of made) await call("DELETE", `/webhook-endpoints/${id}`);
    delays.sort((a, b) => a - b);
    const at = (share: number) => delays[Math.floor(share * (delays.length - 1))]!;
    rows.push({
      endpoints,
      "in order": ordered ? "yes" : "no",
      webhooks: wanted,
      "p50 ms": at(0.5),
      "p95 ms": at(0.95),
      "p99 ms": at(0.99),
      "max ms": at(1),
    });
  }
  await receiver.stop(true);
  await usher.stop();
  report("webhooks", rows, [
    "100 messages a second to one channel; from the entry's time in the log until the receiver has it",
  ]);
}

async function registerOwner({ url }: UsherServer): Promise<string> {
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "olga", email: "olga@bench.example", password: "a long password of the bench" }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
