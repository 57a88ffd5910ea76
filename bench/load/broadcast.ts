import { join } from "node:path";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Cpu, cpuMeter, type Processes } from "../measure.ts";
import { createDialect, type Target } from "./dialect.ts";
import { connectReaders } from "./fanout.ts";
import { Histogram } from "./histogram.ts";
import type { LoadSocket } from "./socket.ts";

export interface BroadcastOptions {
  readers: number;
  /** Callers: each sends its next broadcast when the last one has its result. */
  callers: number;
  seconds: number;
  /** Bytes of a frame. */
  bytes: number;
  /** Whose CPU is measured, from the first broadcast until the last was delivered. */
  of: Processes;
}

export interface BroadcastResult {
  calls: number;
  delivered: number;
  expected: number;
  seconds: number;
  /** Until the caller has its result, in ms. */
  result: { p50: number; p99: number; max: number } | null;
  cpu: Cpu;
}

/** One room, many readers, and callers that each wait for the result of a broadcast before they send the next. */
export async function broadcast(target: Target, options: BroadcastOptions): Promise<BroadcastResult> {
  const sockets = await connectReaders(createDialect(target), options.readers);
  let delivered = 0;
  for (const socket of sockets)
    socket.onFrame = (_bytes, start, end) => {
      if (end - start >= options.bytes / 2) delivered++;
    };
  const call = target.grpcPort === undefined ? callBySocket(sockets) : callByGrpc(target, options.bytes);
  const result = new Histogram();
  const cpu = cpuMeter(options.of);
  const began = performance.now();
  const until = began + options.seconds * 1_000;
  let calls = 0;
  const caller = async () => {
    while (performance.now() < until) {
      const sent = performance.now();
      await call(calls++, options.bytes);
      result.add(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: options.callers }, caller));
  const seconds = (performance.now() - began) / 1_000;
  const expected = calls * options.readers;
  for (let quiet = 0, last = -1; delivered < expected && quiet < 50; quiet = delivered === last ? quiet + 1 : 0) {
    last = delivered;
    await Bun.sleep(20);
  }
  const spent = cpu();
  for (const socket of sockets) socket.cut();
  return { calls, delivered, expected, seconds, result: result.summary(), cpu: spent };
}

/** Sends the frame itself over a socket of its own; the result is the same frame, as the last reader gets it. */
function callBySocket(sockets: LoadSocket[]) {
  const waiting: (() => void)[] = [];
  const [publisher, paced] = [sockets[0]!, sockets.at(-1)!];
  const { onFrame } = paced;
  paced.onFrame = (bytes, start, end) => {
    onFrame(bytes, start, end);
    waiting.shift()!();
  };
  return (n: number, bytes: number) =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      publisher.send(`${n};`.padEnd(bytes, "x"));
    });
}

const PATH = "/realtime.v1.RealtimeService/BroadcastEvent";
const PROTO = join(import.meta.dirname, "../../protocol/proto");

/** Calls BroadcastEvent; the payload is as long as makes a frame of `bytes`. */
function callByGrpc({ host, grpcPort, rooms = [] }: Target, bytes: number) {
  const [room = ""] = rooms;
  const definition = loadSync("realtime/v1/realtime.proto", { includeDirs: [PROTO], keepCase: true });
  const service = definition["realtime.v1.RealtimeService"] as unknown as Record<string, Method>;
  const { requestSerialize, responseDeserialize } = service.BroadcastEvent!;
  const client = new Client(`${host}:${grpcPort}`, credentials.createInsecure());
  const empty = `{"type":"bench:said","room":"${room}","seq":1000,"payload":{"text":""}}`;
  const padding = "x".repeat(bytes - empty.length);
  return (n: number) =>
    new Promise<void>((resolve, reject) => {
      const payload = JSON.stringify({ text: `${n};`.padEnd(padding.length, "x") });
      const request = { room, event_type: "bench:said", payload };
      client.makeUnaryRequest(PATH, requestSerialize, responseDeserialize, request, new Metadata(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
}

interface Method {
  requestSerialize(request: object): Buffer;
  responseDeserialize(response: Buffer): object;
}
