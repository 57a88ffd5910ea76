import { afterAll, beforeAll, expect, test } from "bun:test";
import { exampleServer } from "../support/example-server.ts";
import { openTcp } from "../support/raw-socket.ts";
import { waitUntil } from "../support/wait-until.ts";

/**
 * HTTP that two programs could read in two ways. Request smuggling hides a second request where we do not look for one, or lets a
 * proxy before us see one where we see two: so what is ambiguous is refused and its connection closed, and after every probe
 * comes a second request that shows where we saw the first one end.
 */

let server: Awaited<ReturnType<typeof exampleServer>>;
beforeAll(async () => {
  server = await exampleServer();
});
afterAll(() => server.close());

const HOST = "Host: localhost\r\n";
const POST = `POST /api/v1/notes HTTP/1.1\r\n${HOST}Authorization: Bearer ann\r\nContent-Type: application/json\r\n`;
const GET = "GET /api/v1/admin HTTP/1.1\r\n";
const SECOND = `GET /api/v1/second HTTP/1.1\r\n${HOST}\r\n`;
const JSON_12 = '{"text":"a"}';
const x = (count: number) => "x".repeat(count);

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));

/** Writes latin1 text; the statuses that came, and whether the connection was ended. `awaited`: how many are waited for. */
async function probe(text: string, awaited = 0) {
  const socket = await openTcp(server.port);
  socket.write(Buffer.from(text, "latin1"));
  const received = () => socket.received().toString("latin1");
  await waitUntil("a response came, or the end", () => {
    return socket.ended || (awaited > 0 && statuses(received()).length >= awaited);
  });
  // Time enough for an extra response.
  for (let n = 0; n < 3; n++) await fetch(`http://127.0.0.1:${server.port}/health`);
  socket.destroy();
  return { statuses: statuses(received()), ended: socket.ended, text: received() };
}

const chunked = (chunks: string, header = "Transfer-Encoding: chunked") => `${POST}${header}\r\n\r\n${chunks}${SECOND}`;
const ONE_CHUNK = `c\r\n${JSON_12}\r\n0\r\n\r\n`;
const lengths = (...values: string[]) =>
  `${POST}${values.map((value) => `Content-Length: ${value}\r\n`).join("")}\r\n${JSON_12}${SECOND}`;
const header = (line: string) => `${GET}${HOST}${line}\r\n\r\n${SECOND}`;
const line = (first: string) => `${first}\r\n${HOST}\r\n${SECOND}`;

const refused: Record<string, string> = {
  "a length and chunks": `${POST}Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n${ONE_CHUNK}${SECOND}`,
  "chunks and a length": `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${ONE_CHUNK}${SECOND}`,
  "an unknown encoding": chunked(ONE_CHUNK, "Transfer-Encoding: xchunked"),
  "chunks that are not the last encoding": chunked(ONE_CHUNK, "Transfer-Encoding: chunked, identity"),
  "another encoding before chunks": chunked(ONE_CHUNK, "Transfer-Encoding: gzip, chunked"),
  "two encodings in two lines": chunked(ONE_CHUNK, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
  "an encoding with a space before its colon": chunked(ONE_CHUNK, "Transfer-Encoding : chunked"),
  "an encoding after a space": chunked(ONE_CHUNK, "X-A: b\r\n Transfer-Encoding: chunked"),
  "an encoding after a vertical tab": chunked(ONE_CHUNK, "Transfer-Encoding: \x0bchunked"),
  "an encoding in HTTP/1.0": chunked(ONE_CHUNK).replace("HTTP/1.1", "HTTP/1.0"),
  "two lengths": lengths("12", "6"),
  "two lengths, the first one empty": lengths("", "12"),
  "lengths in a list": lengths("12, 12"),
  "a negative length": lengths("-12"),
  "a length with a plus": lengths("+12"),
  "a hexadecimal length": lengths("0xc"),
  "an empty length": lengths(""),
  "a length with a space in it": lengths("1 2"),
  "a length of more than 64 bits": lengths("18446744073709551628"),
  "a length of 100 GB": lengths("99999999999"),
  "a chunk's extension with a line feed": chunked(`c;a\nb\r\n${JSON_12}\r\n0\r\n\r\n`),
  "a chunk's extension of 100 kB": chunked(`c;${x(100_000)}\r\n${JSON_12}\r\n0\r\n\r\n`),
  "a chunk of more than 64 bits": chunked(`1000000000000000c\r\n${JSON_12}\r\n0\r\n\r\n`),
  "a negative chunk": chunked(`-c\r\n${JSON_12}\r\n0\r\n\r\n`),
  "a chunk with 0x": chunked(`0xc\r\n${JSON_12}\r\n0\r\n\r\n`),
  "a chunk with a space": chunked(`c \r\n${JSON_12}\r\n0\r\n\r\n`),
  "a chunk without a size": chunked(`\r\n${JSON_12}\r\n0\r\n\r\n`),
  "chunks with line feeds alone": chunked(`c\n${JSON_12}\n0\n\n`),
  "a chunk that is longer than it says": chunked(`c\r\n${JSON_12}XX0\r\n\r\n`),
  "a folded header": `${POST}X-A: b\r\n Content-Length: 99\r\nContent-Length: 12\r\n\r\n${JSON_12}${SECOND}`,
  "line feeds alone": `GET /api/v1/admin HTTP/1.1\nHost: localhost\n\n${SECOND}`,
  "one line feed alone": `${GET}Host: localhost\nX-A: b\r\n\r\n${SECOND}`,
  "one carriage return alone": `${GET}Host: localhost\rX-A: b\r\n\r\n${SECOND}`,
  "a carriage return too many": `${GET}Host: localhost\r\r\n\r\n${SECOND}`,
  "NUL in a header": header("X-A: a\0b"),
  "NUL in a header's name": header("X\0A: b"),
  "a control byte in a header": header("X-A: a\x01b"),
  "a space in a header's name": header("X A: b"),
  "a header without a name": header(": b"),
  "a header without a colon": header("XA"),
  "a header of 100 kB": header(`X-A: ${x(100_000)}`),
  "300 headers": header(Array.from({ length: 300 }, (_, n) => `X-${n}: a`).join("\r\n")),
  "NUL in the path": line("GET /api/v1/admin\0x HTTP/1.1"),
  "a control byte in the path": line("GET /api/v1/admin\x01 HTTP/1.1"),
  "tabs for spaces": line("GET\t/api/v1/admin\tHTTP/1.1"),
  "two spaces": line("GET  /api/v1/admin HTTP/1.1"),
  "a word too many": line("GET /api/v1/admin x HTTP/1.1"),
  "a path of 100 kB": line(`GET /${x(100_000)} HTTP/1.1`),
  "no host": `${GET}\r\n${SECOND}`,
  "HTTP/0.9": "GET /api/v1/admin\r\n",
  "HTTP/2.0 in words": line("GET /api/v1/admin HTTP/2.0"),
  "HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
  "a method with NUL": line("GE\0T /api/v1/admin HTTP/1.1"),
  "a method of 5 kB": line(`${"A".repeat(5_000)} /api/v1/admin HTTP/1.1`),
  "OPTIONS *": line("OPTIONS * HTTP/1.1"),
};
for (const [name, text] of Object.entries(refused)) {
  test(`refused, and nothing after it is read: ${name}`, async () => {
    const result = await probe(text);
    expect(result.ended).toBe(true);
    expect(result.statuses.length).toBeLessThanOrEqual(1);
    for (const status of result.statuses) expect([400, 413, 431, 505]).toContain(status);
    expect(result.text).not.toContain("/api/v1/second");
  });
}

const taken: Record<string, { text: string; statuses: number[] }> = {
  "a length": { text: lengths("12"), statuses: [201, 404] },
  "a length with zeros before it": { text: lengths("0012"), statuses: [201, 404] },
  "a length twice": { text: lengths("12", "12"), statuses: [201, 404] },
  chunks: { text: chunked(ONE_CHUNK), statuses: [201, 404] },
  "chunks in capitals": { text: chunked(ONE_CHUNK, "TRANSFER-ENCODING:\tCHUNKED"), statuses: [201, 404] },
  "a chunk with an extension": { text: chunked(`c;a=b\r\n${JSON_12}\r\n0\r\n\r\n`), statuses: [201, 404] },
  "a request in the body of a GET": {
    text: `${GET}${HOST}Content-Length: ${SECOND.length}\r\n\r\n${SECOND}${SECOND}`,
    statuses: [401, 404],
  },
  "a request in the body of a POST that is refused before its body is read": {
    text: `POST /api/v1/notes HTTP/1.1\r\n${HOST}Content-Length: ${SECOND.length}\r\n\r\n${SECOND}${SECOND}`,
    statuses: [401, 404],
  },
  "requests in a body that is too large": {
    text: `${POST}Content-Length: 2000000\r\n\r\n${SECOND.repeat(500)}`,
    statuses: [413],
  },
  "Expect: 100-continue": {
    text: `${POST}Expect: 100-continue\r\nContent-Length: 12\r\n\r\n${JSON_12}${SECOND}`,
    statuses: [100, 201, 404],
  },
  "the address whole": { text: line("GET http://evil.example/api/v1/admin HTTP/1.1"), statuses: [401, 404] },
  "a wish for HTTP/2": {
    text: header("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
    statuses: [401, 404],
  },
  "CONNECT, after which nothing is HTTP": {
    text: `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n${SECOND}`,
    statuses: [404],
  },
  "TRACE, which repeats nothing": {
    text: `TRACE /api/v1/admin HTTP/1.1\r\n${HOST}X-Secret: swordfish\r\n\r\n${SECOND}`,
    statuses: [405, 404],
  },
};
for (const [name, { text, statuses }] of Object.entries(taken)) {
  test(`accepted, and it ends where it says: ${name}`, async () => {
    const result = await probe(text, statuses.length);
    expect(result.statuses).toEqual(statuses);
    expect(result.text).not.toContain("swordfish");
  });
}

test("trailers give no rights: the caller is the one in the request's head, and the connection ends", async () => {
  const result = await probe(
    chunked(`c\r\n${JSON_12}\r\n0\r\nAuthorization: Bearer root\r\n\r\n`).replace("/notes", "/waits"),
  );
  expect(result.statuses.filter((status) => status === 200)).toEqual([]);
  expect(result.text).not.toContain("/api/v1/second");
});

test("responses come in the order of their requests, whichever was done first", async () => {
  const socket = await openTcp(server.port);
  socket.write(`${POST.replace("/notes", "/waits")}Content-Length: 0\r\n\r\n${SECOND}`);
  await waitUntil("the first one is under way", () => server.state.entered > 0);
  server.state.gate.resolve();
  const text = () => socket.received().toString("latin1");
  await waitUntil("both responses came", () => statuses(text()).length === 2);
  expect(statuses(text())).toEqual([200, 404]);
  socket.destroy();
});

test("no spelling of a path goes past the rights of its route", async () => {
  const spellings = [
    ..."%61dmin ./admin x/../admin x/%2e%2e/admin x%2f..%2fadmin /admin admin%00 admin/ admin;x admin%20 admin%2f".split(
      " ",
    ),
    ..."%2561dmin admin? admin/. admin#x notes/1%2f..%2f..%2fadmin notes/%00 notes/%ff notes/% ADMIN".split(" "),
  ].map((spelling) => `/api/v1/${spelling}`);
  const more = ["//api/v1/admin", "/api\\v1\\admin", "/API/v1/admin", "/../../etc/passwd", "/%6detrics", "//metrics"];
  for (const path of [...spellings, ...more]) {
    const { statuses: came } = await probe(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`, 1);
    expect({ path, refused: [400, 401, 404].includes(came[0]!) }).toEqual({ path, refused: true });
  }
  const forwarded = `GET /./metrics HTTP/1.1\r\n${HOST}X-Forwarded-For: 203.0.113.5\r\n\r\n`;
  expect((await probe(forwarded, 1)).statuses).toEqual([404]);
});

test("an invalid host is refused, and is not forwarded anywhere", async () => {
  for (const host of ["a@b", "a/b?c#", "", "a b", "[::1", "localhost:99999", "a%00b", "a\r\nHost: b"]) {
    const { statuses: came, text } = await probe(`GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 1);
    expect({ host, came }).toEqual({ host, came: [400] });
    expect(text).not.toContain("location:");
  }
});
