import { expect, test } from "bun:test";
import { createGetRequestInfo } from "./request-info.ts";

const requestWith = (headers: Record<string, string>) => new Request("http://chat.example.org:3003/api", { headers });
const createInfo = (trusted: string[]) => createGetRequestInfo({ TRUSTED_PROXIES: trusted });

test("without trusted proxies nothing that a client says about itself is trusted", () => {
  const getInfo = createInfo([]);
  const request = requestWith({
    "x-forwarded-for": "9.9.9.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil",
  });
  expect(getInfo(request, "192.0.2.1")).toMatchObject({
    address: "192.0.2.1",
    secure: false,
    host: "chat.example.org:3003",
  });
});

test("the client is the first hop, from our side, that is no proxy of ours", () => {
  const getInfo = createInfo(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);
  const chain = (header: string, peer = "10.1.1.1") =>
    getInfo(requestWith({ "x-forwarded-for": header }), peer).address;
  expect(chain("203.0.113.5")).toBe("203.0.113.5");
  expect(chain("6.6.6.6, 203.0.113.5, 10.2.2.2")).toBe("203.0.113.5");
  expect(chain("203.0.113.5, 192.0.2.7", "fd00::1")).toBe("203.0.113.5");
  expect(chain("203.0.113.5:4711")).toBe("203.0.113.5");
  expect(chain("[2001:db8::1]:80")).toBe("2001:db8::1");
  expect(chain("203.0.113.5", "::ffff:10.1.1.1")).toBe("203.0.113.5");
  expect(chain("not an address, unknown")).toBe("10.1.1.1");
  expect(chain("203.0.113.5", "11.0.0.1")).toBe("11.0.0.1");
});

test("however a proxy writes an address, it is the same one for bans and limits", () => {
  const getInfo = createInfo(["10.0.0.0/8"]);
  const chain = (header: string) => getInfo(requestWith({ "x-forwarded-for": header }), "10.1.1.1").address;
  for (const mapped of [
    "::ffff:203.0.113.5",
    "::FFFF:cb00:7105",
    "0:0:0:0:0:ffff:203.0.113.5",
    "[::ffff:cb00:7105]:80",
  ])
    expect(chain(mapped)).toBe("203.0.113.5");
  for (const same of ["2001:DB8:0:0:0::1", "2001:0db8::0001", "2001:db8::1%eth0", "[2001:db8:0::1]:443"])
    expect(chain(same)).toBe("2001:db8::1");
  expect(chain("203.0.113.5, ::ffff:a00:1")).toBe("203.0.113.5");
});

test("scheme and host come from a trusted proxy alone; its own value is the last", () => {
  const getInfo = createInfo(["10.0.0.1"]);
  const headers = { "x-forwarded-proto": "http, https", "x-forwarded-host": "chat.example.org" };
  expect(getInfo(requestWith(headers), "10.0.0.1")).toMatchObject({ secure: true, host: "chat.example.org" });
  expect(getInfo(requestWith(headers), "10.0.0.2").secure).toBe(false);
});

test("a client that has gone before its address was read is no trusted proxy", () => {
  for (const trusted of [[], ["10.0.0.0/8"], ["0.0.0.0/0", "::/0"]]) {
    const getInfo = createInfo(trusted)(
      requestWith({ "x-forwarded-for": "203.0.113.5", "x-forwarded-proto": "https" }),
      "",
    );
    expect(getInfo).toMatchObject({ address: "", secure: false });
  }
});

test("a visitor of a page is on this machine when our page process was told so, and no other client can claim it", () => {
  const isLocal = (headers: Record<string, string>, peer: string | null) =>
    createInfo([])(requestWith(headers), peer).isLocal;
  expect(isLocal({ "x-usher-local": "true", "x-forwarded-for": "127.0.0.1" }, null)).toBeTrue();
  expect(isLocal({ "x-forwarded-for": "127.0.0.1", host: "localhost" }, null)).toBeFalse();
  for (const peer of ["192.0.2.1", ""])
    expect(isLocal({ "x-usher-local": "true", host: "localhost" }, peer)).toBeFalse();
  for (const peer of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.0.1"])
    for (const host of ["localhost", "LOCALHOST:3003", "127.0.0.1:3003", "[::1]:3003"])
      expect(isLocal({ host }, peer)).toBeTrue();
  expect(isLocal({ host: "localhost", "x-forwarded-for": "127.0.0.1" }, "127.0.0.1")).toBeFalse();
  expect(createInfo([])(new Request("http://localhost:3003/api"), "127.0.0.1")).toMatchObject({
    host: "localhost:3003",
    isLocal: false,
  });
});

test("our page process speaks for its visitors", () => {
  expect(createInfo([])(requestWith({ "x-forwarded-for": "203.0.113.5" }), null).address).toBe("203.0.113.5");
});

test("a request id is used when it is plain and short, else a new one is made", () => {
  const id = (sent: string) => createInfo([])(requestWith({ "x-request-id": sent }), "1.1.1.1").requestId;
  expect(id("trace:1.a-b_C")).toBe("trace:1.a-b_C");
  for (const bad of ['"><script>', "a b", "", "x".repeat(65)]) expect(id(bad)).toMatch(/^[0-9a-f-]{36}$/);
});

test("another list of proxies counts from the next request on", () => {
  const config = { TRUSTED_PROXIES: ["10.0.0.1"] };
  const getInfo = createGetRequestInfo(config);
  const getAddress = () => getInfo(requestWith({ "x-forwarded-for": "203.0.113.5" }), "10.0.0.2").address;
  expect(getAddress()).toBe("10.0.0.2");
  config.TRUSTED_PROXIES = ["10.0.0.2"];
  expect(getAddress()).toBe("203.0.113.5");
});
