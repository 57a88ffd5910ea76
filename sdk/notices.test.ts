import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { personToken, type ServerApiApp, startServerApiApp } from "../tests/support/server-api.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { createClient } from "./client.ts";
import type { RoomFrame } from "./follower.ts";

setDefaultTimeout(60_000);

let app: ServerApiApp;
let token: string;

beforeAll(async () => {
  app = await startServerApiApp();
  token = await app.serviceToken(["notify"]);
});
afterAll(() => app.close());

const notice = (event_type: string, payload: object) =>
  app.request(token, "POST", "/api/v1/users/user-uuid/notices", { event_type, payload });

test("NT-2 a booking's result for a person who was offline arrives once when they reconnect", async () => {
  const client = createClient({ url: app.url, token: await personToken("user-uuid") });
  const frames: RoomFrame[] = [];
  let queuePositions = 0;
  client.on("booking:queue_position", () => queuePositions++);
  client.follow("user:user-uuid", null, { frame: (frame) => void frames.push(frame) });
  client.connect();
  await waitUntil("the client is live", () => client.state === "live");
  await notice("booking:queue_position", { event_id: "e", position: 1, estimated_wait: 5, total_in_queue: 1 });
  await notice("booking:processing", { booking_id: "b" });
  await waitUntil("the first has come", () => frames.length === 1);

  client.close();
  await notice("booking:confirmed", { booking_id: "b", seat_numbers: ["A1", "A2"] });
  client.connect();
  await waitUntil("the second has come", () => frames.length === 2);
  await notice("payment:success", { payment_id: "p", booking_id: "b", status: "success" });
  await waitUntil("the third has come", () => frames.length === 3);
  expect(frames.map(({ seq, type }) => [seq, type])).toEqual([
    [1, "booking:processing"],
    [2, "booking:confirmed"],
    [3, "payment:success"],
  ]);
  expect(frames[1]?.payload).toMatchObject({ seat_numbers: ["A1", "A2"], currency: null });
  expect(queuePositions).toBe(1);
  client.close();
});
