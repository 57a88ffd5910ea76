import { expect, test } from "bun:test";
import { Metadata } from "@grpc/grpc-js";
import { AppError } from "../../platform/errors.ts";
import { createRateLimiter } from "../../platform/http/rate-limiter.ts";
import { createUnlimitedService } from "../../platform/scopes.ts";
import { createCallAuthenticator } from "./call-authenticator.ts";

const HERE = "127.0.0.1:50057";

function startAuthenticator({ open = false } = {}) {
  let asked = 0;
  const authenticator = createCallAuthenticator({
    callers: {
      findCached: (token) => (token === "good" ? createUnlimitedService("good") : null),
      async authenticate() {
        asked += 1;
        throw new AppError("unauthenticated");
      },
    },
    trustsLoopback: open,
    resolveClient: (address) => ({ address, isLocal: false }),
    isBanned: () => false,
    limiters: {
      token: createRateLimiter({ points: 1_000, seconds: 60 }),
      address: createRateLimiter({ points: 3, seconds: 60 }),
    },
  });
  const service = async (headers: Record<string, string>, authority = HERE) => {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    try {
      return (await authenticator.authenticateService(metadata, "192.0.2.1", authority)).tokenId;
    } catch (error) {
      return (error as AppError).code;
    }
  };
  return { service, asked: () => asked };
}

test("an address with too many wrong tokens is refused before a token is checked; a known service is not blocked by it", async () => {
  const { service, asked } = startAuthenticator();
  const results: string[] = [];
  for (let n = 0; n < 6; n++) results.push(await service({ authorization: `Bearer wrong${n}` }));
  expect(results).toEqual([...Array(3).fill("unauthenticated"), ...Array(3).fill("rate_limited")]);
  expect(asked()).toBe(3);
  expect(await service({ authorization: "Bearer good" })).toBe("good");
});

test("without a token only a client that calls this machine by its own name, and through no proxy, is let in", async () => {
  const service = (headers: Record<string, string>, name?: string) =>
    startAuthenticator({ open: true }).service(headers, name);
  for (const name of [HERE, "localhost:50057", "[::1]:50057", "127.9.9.9"])
    expect([name, await service({}, name)]).toEqual([name, "loopback"]);
  for (const name of ["chat.example.org", "usher_grpc", "localhost.example.org:50057", "127.0.0.1.example.org", ""])
    expect([name, await service({}, name)]).toEqual([name, "unauthenticated"]);
  for (const name of ["x-forwarded-for", "x-real-ip", "forwarded", "via"])
    expect([name, await service({ [name]: "127.0.0.1" })]).toEqual([name, "unauthenticated"]);
  expect(await startAuthenticator().service({})).toBe("unauthenticated");
});
