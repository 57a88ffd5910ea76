import { wsFrame } from "../support/ws-client.ts";

interface Expected {
  replies?: string[];
  pongs?: string[];
  refusals?: number;
  close?: number | null;
}

/**
 * What a server must make of what comes over a WebSocket (RFC 6455), in the groups in which the well-known test suite has them;
 * the texts and bytes are our own.
 */
export interface ConformanceCase {
  group: string;
  name: string;
  /** Written in this order. Each of an inner list goes out byte by byte. */
  send: (Uint8Array | { bytewise: Uint8Array })[];
  /**
   * What RFC 6455 requires. `replies`: the texts that came whole, each a `system:ping` whose id says which. `pongs`: their payloads.
   * `refusals`: messages that are accepted, but are no frame of ours. `close`: the code in the server's close frame, null for a
   * close frame without one; left out: the connection stays.
   */
  wants: Expected;
  /** Where the runtime does otherwise: a limitation that docs/hostile-clients.md names. */
  does?: Expected;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const ping = (id: string) => JSON.stringify({ type: "system:ping", id });
/** The JSON of a ping, filled with spaces to this many bytes. */
const sized = (length: number) => bytes(ping("sized").padEnd(length));
const text = (value: string | Uint8Array, more: Parameters<typeof wsFrame>[2] = {}) =>
  wsFrame(1, typeof value === "string" ? bytes(value) : value, more);
const more = (value: string | Uint8Array, fin: boolean) =>
  wsFrame(0, typeof value === "string" ? bytes(value) : value, { fin });
const control = (opcode: number, payload: string | number[] = []) =>
  wsFrame(opcode, typeof payload === "string" ? bytes(payload) : Uint8Array.from(payload));
const code = (value: number) => [value >> 8, value & 255];
const PING = 9;
const PONG = 10;
const CLOSE = 8;

/** A text frame with raw bytes inside a JSON text. */
const quoted = (inner: Uint8Array) => join(bytes('{"type":"system:ping","id":"'), inner, bytes('"}'));
const hex = (digits: string) => new Uint8Array(Buffer.from(digits, "hex"));

function payloadLengths(): ConformanceCase[] {
  const group = "framing";
  const fits = [125, 126, 127, 65_535, 65_536].map((length) => ({
    group,
    name: `a text of ${length} bytes`,
    send: [text(sized(length))],
    wants: { replies: ["sized"] },
  }));
  const long = (length: number) => join(Uint8Array.of(0x81, 0xff), encodeLength(length), new Uint8Array(4), sized(60));
  return [
    ...fits,
    { group, name: "an empty text", send: [text("")], wants: { refusals: 1 } },
    { group, name: "an empty binary message", send: [wsFrame(2, new Uint8Array())], wants: { refusals: 1 } },
    { group, name: "a binary message of 126 bytes", send: [wsFrame(2, sized(126))], wants: { refusals: 1 } },
    { group, name: "a text byte by byte", send: [{ bytewise: text(sized(200)) }], wants: { replies: ["sized"] } },
    {
      group,
      name: "three texts in one packet",
      send: [join(text(ping("a")), text(ping("b")), text(ping("c")))],
      wants: { replies: ["a", "b", "c"] },
    },
    {
      group,
      name: "a length of 60 bytes in 64 bits, which 7 would hold",
      send: [long(60)],
      wants: { close: 1002 },
      does: { replies: ["sized"] },
    },
    {
      group,
      name: "a length with the highest bit set",
      send: [long(2 ** 63)],
      wants: { close: 1002 },
      does: { close: 1009 },
    },
  ];
}

function encodeLength(length: number): Uint8Array {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64BE(BigInt(length));
  return eight;
}

function masks(): ConformanceCase[] {
  const group = "masking";
  return [
    {
      group,
      name: "each byte under a key",
      send: [text(ping("masked"), { key: [0xde, 0xad, 0xbe, 0xef] })],
      wants: { replies: ["masked"] },
    },
    {
      group,
      name: "65,536 bytes under a key, byte by byte at their beginning",
      send: (() => {
        const whole = text(sized(65_536), { key: [1, 2, 3, 4] });
        return [{ bytewise: whole.subarray(0, 40) }, whole.subarray(40)];
      })(),
      wants: { replies: ["sized"] },
    },
    {
      group,
      name: "a text without a key",
      send: [text(ping("a"), { masked: false })],
      wants: { close: 1002 },
    },
    {
      group,
      name: "a ping without a key",
      send: [wsFrame(PING, new Uint8Array(), { masked: false })],
      wants: { close: 1002 },
    },
  ];
}

function pings(): ConformanceCase[] {
  const group = "pings and pongs";
  const max = "x".repeat(125);
  return [
    { group, name: "a ping without payload", send: [control(PING)], wants: { pongs: [""] } },
    { group, name: "a ping with a text", send: [control(PING, "hello")], wants: { pongs: ["hello"] } },
    {
      group,
      name: "a ping with bytes that are no text",
      send: [control(PING, [0, 255, 254, 253])],
      wants: { pongs: ["\0\xff\xfe\xfd"] },
    },
    { group, name: "a ping with 125 bytes", send: [control(PING, max)], wants: { pongs: [max] } },
    { group, name: "a ping with 126 bytes", send: [control(PING, `${max}x`)], wants: { close: 1002 } },
    {
      group,
      name: "a ping with 125 bytes, byte by byte",
      send: [{ bytewise: control(PING, max) }],
      wants: { pongs: [max] },
    },
    { group, name: "an unsolicited pong", send: [control(PONG)], wants: {} },
    { group, name: "an unsolicited pong with a payload", send: [control(PONG, "hello")], wants: {} },
    {
      group,
      name: "an unsolicited pong before a ping",
      send: [control(PONG, "one"), control(PING, "two")],
      wants: { pongs: ["two"] },
    },
    {
      group,
      name: "ten pings in a row",
      send: Array.from({ length: 10 }, (_, n) => control(PING, `${n}`)),
      wants: { pongs: [..."0123456789"] },
    },
    {
      group,
      name: "ten pings byte by byte",
      send: Array.from({ length: 10 }, (_, n) => ({ bytewise: control(PING, `${n}`) })),
      wants: { pongs: [..."0123456789"] },
    },
  ];
}

function reserved(): ConformanceCase[] {
  const bits = [1, 2, 3, 4, 5, 6, 7].map((rsv) => ({
    group: "reserved bits",
    name: `a text with the bits ${rsv.toString(2).padStart(3, "0")}`,
    send: [text(ping("a")), text(ping("b"), { rsv })],
    wants: { replies: ["a"], close: 1002 },
  }));
  const onControl = [PING, CLOSE].map((opcode) => ({
    group: "reserved bits",
    name: `a ${opcode === PING ? "ping" : "close"} with one of them`,
    send: [wsFrame(opcode, new Uint8Array(), { rsv: 4 })],
    wants: { close: 1002 },
  }));
  const opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    group: "opcodes",
    name: `the reserved opcode ${opcode}`,
    send: [text(ping("a")), wsFrame(opcode, opcode > 10 ? new Uint8Array() : bytes("x"))],
    wants: { replies: ["a"], close: 1002 },
  }));
  return [...bits, ...onControl, ...opcodes];
}

function fragments(): ConformanceCase[] {
  const group = "fragments";
  const [head, tail] = [ping("whole").slice(0, 9), ping("whole").slice(9)];
  const first = text(head, { fin: false });
  const letters = [...ping("letters")];
  return [
    { group, name: "a text in two", send: [first, more(tail, true)], wants: { replies: ["whole"] } },
    {
      group,
      name: "a text in two, in one packet",
      send: [join(first, more(tail, true))],
      wants: { replies: ["whole"] },
    },
    {
      group,
      name: "a text in two, byte by byte",
      send: [{ bytewise: join(first, more(tail, true)) }],
      wants: { replies: ["whole"] },
    },
    {
      group,
      name: "a text in as many as it has letters",
      send: letters.map((letter, n) =>
        n === 0 ? text(letter, { fin: false }) : more(letter, n === letters.length - 1),
      ),
      wants: { replies: ["letters"] },
    },
    {
      group,
      name: "empty fragments around and between",
      send: [text("", { fin: false }), more(head, false), more("", false), more(tail, false), more("", true)],
      wants: { replies: ["whole"] },
    },
    {
      group,
      name: "nothing but empty fragments",
      send: [text("", { fin: false }), more("", false), more("", true)],
      wants: { refusals: 1 },
    },
    {
      group,
      name: "a binary message in two",
      send: [wsFrame(2, bytes("a"), { fin: false }), more("b", true)],
      wants: { refusals: 1 },
    },
    {
      group,
      name: "a ping between two fragments",
      send: [first, control(PING, "between"), more(tail, true)],
      wants: { pongs: ["between"], replies: ["whole"] },
    },
    {
      group,
      name: "pings and pongs between five fragments, in one packet",
      send: [
        join(
          first,
          control(PING, "1"),
          more(tail.slice(0, 3), false),
          control(PONG, "-"),
          more(tail.slice(3, 6), false),
          control(PING, "2"),
          more(tail.slice(6, 7), false),
          more(tail.slice(7), true),
        ),
      ],
      wants: { pongs: ["1", "2"], replies: ["whole"] },
    },
    {
      group,
      name: "a close between two fragments",
      send: [first, control(CLOSE, code(1000)), more(tail, true)],
      wants: { close: 1000 },
    },
    {
      group,
      name: "a ping in fragments",
      send: [wsFrame(PING, bytes("a"), { fin: false }), more("b", true)],
      wants: { close: 1002 },
    },
    {
      group,
      name: "a close in fragments",
      send: [wsFrame(CLOSE, Uint8Array.from(code(1000)), { fin: false })],
      wants: { close: 1002 },
    },
    ...[true, false].map((fin) => ({
      group,
      name: `a continuation of nothing${fin ? "" : ", without an end"}`,
      send: [more(ping("stray"), fin)],
      wants: { close: 1002 },
    })),
    {
      group,
      name: "a continuation after a whole message",
      send: [text(ping("a")), more(ping("stray"), true)],
      wants: { replies: ["a"], close: 1002 },
    },
    {
      group,
      name: "a new text before the end of the one before",
      send: [first, text(ping("second"))],
      wants: { close: 1002 },
    },
    {
      group,
      name: "a new text in fragments before the end of the one before",
      send: [first, text("x", { fin: false })],
      wants: { close: 1002 },
    },
  ];
}

function utf8(): ConformanceCase[] {
  const group = "UTF-8";
  const good = {
    "two to four bytes a letter": "κόσμε ありがとう 🎟",
    "the first and the last of each length": "\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}",
    "the borders of the surrogates": "\ud7ff\ue000",
    noncharacters: "\ufffe\uffff\ufdd0\u{1fffe}\u{10ffff}",
    "the replacement character, and a byte order mark inside": "\ufffd\ufeffx",
  };
  const bad = {
    "a byte that begins nothing": "ff",
    "a byte that continues nothing": "80",
    "a letter cut short": "ce",
    "four bytes cut short": "f09f8e",
    "an overlong slash of two bytes": "c0af",
    "an overlong slash of three": "e080af",
    "an overlong slash of four": "f08080af",
    "an overlong NUL": "c080",
    "the first surrogate": "eda080",
    "the last surrogate": "edbfbf",
    "a pair of surrogates": "eda0bdedb88a",
    "after the last code point": "f4908080",
    "five bytes": "f888808080",
    "six bytes": "fc8480808080",
  };
  const letter = bytes("🎟");
  const whole = quoted(letter);
  const at = whole.indexOf(letter[0]!);
  return [
    ...Object.entries(good).flatMap(([name, value]) => [
      { group, name, send: [text(ping(value))], wants: { replies: [value] } },
    ]),
    ...[1, 2, 3].map((n) => ({
      group,
      name: `a letter of four bytes, cut by fragments after ${n}`,
      send: [text(whole.subarray(0, at + n), { fin: false }), more(whole.subarray(at + n), true)],
      wants: { replies: ["🎟"] },
    })),
    {
      group,
      name: "each byte a fragment",
      send: [...whole].map((byte, n) =>
        n === 0 ? text(Uint8Array.of(byte), { fin: false }) : more(Uint8Array.of(byte), n === whole.length - 1),
      ),
      wants: { replies: ["🎟"] },
    },
    {
      group,
      name: "a letter of four bytes, byte by byte",
      send: [{ bytewise: text(whole) }],
      wants: { replies: ["🎟"] },
    },
    ...Object.entries(bad).map(([name, digits]) => ({
      group,
      name: `not: ${name}`,
      send: [text(quoted(hex(digits)))],
      wants: { close: 1007 },
    })),
    {
      group,
      name: "not: a wrong byte in the second of two fragments",
      send: [text(whole.subarray(0, at + 2), { fin: false }), more(hex("ff"), true)],
      wants: { close: 1007 },
    },
    {
      group,
      name: "not: a letter that never ends, in fragments",
      send: [text(hex("f09f"), { fin: false }), more(hex("8e"), true)],
      wants: { close: 1007 },
    },
    {
      group,
      name: "not: a wrong byte in a fragment, before the message has ended",
      send: [text(hex("ff"), { fin: false })],
      wants: { close: 1007 },
      // Found at the end of a message only; what the test sends next is no continuation, and is found first.
      does: { close: 1002 },
    },
    {
      group,
      name: "wrong bytes in a binary message are its own affair",
      send: [wsFrame(2, hex("ff80c0af"))],
      wants: { refusals: 1 },
    },
  ];
}

function closes(): ConformanceCase[] {
  const group = "closing";
  const close = (...payload: number[]) => control(CLOSE, payload);
  const reason = (words: Uint8Array) => wsFrame(CLOSE, join(Uint8Array.from(code(1000)), words));
  const good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
  const bad = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
  return [
    { group, name: "without a code", send: [close()], wants: { close: null } },
    { group, name: "with one byte", send: [close(3)], wants: { close: 1002 } },
    ...good.map((value) => ({
      group,
      name: `with ${value}`,
      send: [close(...code(value))],
      wants: { close: value },
    })),
    ...bad.map((value) => ({
      group,
      name: `with ${value}, which no endpoint may send`,
      send: [close(...code(value))],
      wants: { close: 1002 },
    })),
    { group, name: "with a reason", send: [reason(bytes("see you"))], wants: { close: 1000 } },
    { group, name: "with a reason of 123 bytes", send: [reason(bytes("y".repeat(123)))], wants: { close: 1000 } },
    {
      group,
      name: "with a reason of 124 bytes",
      send: [reason(bytes("y".repeat(124)))],
      wants: { close: 1002 },
    },
    {
      group,
      name: "with a reason that is no UTF-8",
      send: [reason(hex("cebae1bdb9eda080"))],
      wants: { close: 1007 },
    },
    {
      group,
      name: "a text after it is not received",
      send: [join(close(...code(1000)), text(ping("late")))],
      wants: { close: 1000 },
    },
    {
      group,
      name: "a ping after it gets no pong",
      send: [join(close(...code(1000)), control(PING))],
      wants: { close: 1000 },
    },
    {
      group,
      name: "two of them get one reply",
      send: [join(close(...code(1000)), close(...code(1001)))],
      wants: { close: 1000 },
    },
    {
      group,
      name: "after a text, which gets its reply first",
      send: [join(text(ping("a")), close(...code(1000)))],
      wants: { replies: ["a"], close: 1000 },
    },
  ];
}

function limits(): ConformanceCase[] {
  const group = "limits";
  const half = sized(40_000);
  return [
    {
      group,
      name: "a text of one byte more than it may have",
      send: [text(sized(65_537))],
      wants: { close: 1009 },
    },
    {
      group,
      name: "fragments that are too long together",
      send: [text(half, { fin: false }), more(half, true)],
      wants: { close: 1009 },
    },
    {
      group,
      name: "fragments without end",
      send: [text("x", { fin: false }), ...Array.from({ length: 700 }, () => more("x".repeat(100), false))],
      wants: { close: 1009 },
    },
    {
      group,
      name: "a length of 4 GiB, announced but not sent",
      send: [join(Uint8Array.of(0x81, 0xff), encodeLength(2 ** 32), new Uint8Array(4))],
      wants: { close: 1009 },
    },
    {
      group,
      name: "empty fragments, ten thousand of them, then its end",
      send: [
        text(ping("patient"), { fin: false }),
        join(...Array.from({ length: 10_000 }, () => more("", false))),
        more("", true),
      ],
      wants: { replies: ["patient"] },
    },
  ];
}

export const CONFORMANCE: ConformanceCase[] = [
  ...payloadLengths(),
  ...masks(),
  ...pings(),
  ...reserved(),
  ...fragments(),
  ...utf8(),
  ...closes(),
  ...limits(),
];
