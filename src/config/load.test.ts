import { describe, expect, test } from "bun:test";
import { assert, constantFrom, integer, property, string } from "fast-check";
import { certificateFor } from "../../tests/support/certificate.ts";
import { ConfigError, loadConfig, type Sources } from "./load.ts";
import { OPTIONS } from "./options.ts";
import { duration } from "./values.ts";

function load(environment: Record<string, string>, more: Partial<Sources> = {}) {
  return loadConfig({ environment, dotenv: null, readFile: () => "", ...more });
}

function mistakes(environment: Record<string, string>, more: Partial<Sources> = {}): string[] {
  try {
    load(environment, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map(({ message }) => message);
    throw error;
  }
  return [];
}

describe("values", () => {
  test("nothing set gives the defaults", () => {
    const config = load({});
    expect(config.HTTP_PORT).toBe(3003);
    expect(config.WS_PING_INTERVAL).toBe(30_000);
    expect(config.MIGRATE_ON_START).toBe(true);
    expect(config.ALLOWED_ORIGINS).toEqual([]);
    expect(config.DATABASE_URL).toBeNull();
  });

  test("the environment wins over .env, and .env over the default", () => {
    const dotenv = "HTTP_PORT=4000\nMETRICS_PORT=4001";
    const config = load({ HTTP_PORT: "5000" }, { dotenv });
    expect([config.HTTP_PORT, config.METRICS_PORT]).toEqual([5000, 4001]);
  });

  test("PORT is used where HTTP_PORT is unset", () => {
    expect(load({ PORT: "4001" }).HTTP_PORT).toBe(4001);
    expect(load({ PORT: "4001", HTTP_PORT: "4002" }).HTTP_PORT).toBe(4002);
    expect(load({}, { dotenv: "PORT=4003" }).HTTP_PORT).toBe(4003);
    expect(load({ PORT: "4001" }, { dotenv: "HTTP_PORT=4003" }).HTTP_PORT).toBe(4001);
  });

  test("an empty value counts as unset", () => {
    expect(load({ HTTP_PORT: "" }, { dotenv: "HTTP_PORT=4000" }).HTTP_PORT).toBe(4000);
  });

  test("NAME_FILE is read without its last line end, and wins over NAME in .env", () => {
    const secret = "s".repeat(32);
    const readFile = (path: string) => (path === "/run/secret" ? `${secret}\n` : "");
    expect(
      load({ JWT_SECRET_FILE: "/run/secret" }, { dotenv: `JWT_SECRET=${"x".repeat(40)}`, readFile }).JWT_SECRET,
    ).toBe(secret);
  });

  test("a duration has the maximum of timers and dates, with a message that says so", () => {
    expect(mistakes({ HTTP_WRITE_TIMEOUT: "577h" })).toEqual(['HTTP_WRITE_TIMEOUT must be at most 576h, not "577h".']);
    expect(mistakes({ LOG_RETENTION: "999999999999999h" })[0]).toContain("must be at most 876000h");
    expect(mistakes({ HTTP_WRITE_TIMEOUT: "576h", AUDIT_RETENTION: "87600h" })).toEqual([]);
  });

  test("the metrics are opened to other machines only with an option for who may read them", () => {
    expect(mistakes({ METRICS_HOST: "0.0.0.0" })).toEqual([
      "METRICS_HOST is 0.0.0.0, and nothing says who may read the metrics from there. Set METRICS_TOKEN or METRICS_ALLOW.",
    ]);
    expect(mistakes({ METRICS_HOST: "0.0.0.0", METRICS_ENABLED: "false" })).toEqual([]);
    expect(mistakes({ METRICS_HOST: "::", METRICS_ALLOW: "10.0.0.0/8" })).toEqual([]);
    expect(mistakes({ METRICS_HOST: "10.0.0.1", METRICS_TOKEN: "a-token-of-the-tests" })).toEqual([]);
  });

  test("a duration is the sum of its parts", async () => {
    await assert(
      property(
        integer({ min: 0, max: 99 }),
        integer({ min: 0, max: 59 }),
        integer({ min: 0, max: 999 }),
        (h, m, ms) => {
          expect(duration.parse(`${h}h${m}m${ms}ms`)).toBe(h * 3_600_000 + m * 60_000 + ms);
        },
      ),
    );
  });
});

describe("mistakes", () => {
  test("each gets a message, all at once", () => {
    expect(mistakes({ HTTP_PORT: "http", LOG_LEVEL: "loud", WS_PING_INTERVAL: "30" })).toEqual([
      'HTTP_PORT must be a whole number from 0 to 65535, not "http".',
      'WS_PING_INTERVAL must be a duration with a unit, such as "250ms", "15s", "1m30s" or "2h", not "30".',
      'LOG_LEVEL must be one of trace, debug, info, warn, error, silent, not "loud".',
    ]);
  });

  test("a bare number is no duration, however it is written", async () => {
    await assert(property(integer(), (number) => expect(duration.safeParse(String(number)).success).toBe(false)));
  });

  test("a secret is never printed", () => {
    const said = mistakes({ DATABASE_URL: "mysql://root:hunter2@db/usher" }).join();
    expect(said).toContain("DATABASE_URL must be");
    expect(said).not.toContain("hunter2");
  });

  test("a near-miss of one of our names is refused", () => {
    expect(mistakes({ HTTP_PROT: "80" })).toEqual([
      "The environment sets HTTP_PROT. Did you mean HTTP_PORT? Otherwise unset it.",
    ]);
  });

  test("every slip of one letter in every name is caught, and names the option", async () => {
    const slips: ((name: string, at: number) => string)[] = [
      (name, at) => name.slice(0, at) + name.slice(at + 1),
      (name, at) => `${name.slice(0, at)}Q${name.slice(at)}`,
      (name, at) => `${name.slice(0, at)}Q${name.slice(at + 1)}`,
      (name, at) => name.slice(0, at) + (name[at + 1] ?? "") + name[at] + name.slice(at + 2),
    ];
    await assert(
      property(
        constantFrom(...Object.keys(OPTIONS)),
        integer({ min: 0, max: 30 }),
        constantFrom(...slips),
        (name, at, slip) => {
          const wrong = slip(name, at % name.length);
          if (wrong === name) return;
          expect(mistakes({ [wrong]: "x" }).join()).toContain(`Did you mean ${name}?`);
        },
      ),
    );
  });

  test("an unknown name in .env is refused, with its line", () => {
    expect(mistakes({}, { dotenv: "# mine\nCOLOUR=blue\nLOG_LEVL=info" })).toEqual([
      "Line 2 of .env sets COLOUR, which Usher does not know.",
      "Line 3 of .env sets LOG_LEVL, which Usher does not know. Did you mean LOG_LEVEL?",
    ]);
  });

  test("NAME and NAME_FILE together are a contradiction", () => {
    expect(mistakes({ SMTP_URL: "smtp://a", SMTP_URL_FILE: "/b" })).toEqual([
      "Both SMTP_URL and SMTP_URL_FILE are set. Keep one of them.",
    ]);
  });

  test("a NAME_FILE that cannot be read", () => {
    const readFile = () => {
      throw new Error("ENOENT: no such file");
    };
    expect(mistakes({ JWT_SECRET_FILE: "/gone" }, { readFile })[0]).toContain(
      "JWT_SECRET_FILE names a file that cannot be read",
    );
  });

  test("a short JWT_SECRET and the placeholder of an example are refused", () => {
    expect(mistakes({ JWT_SECRET: "your-jwt-secret" })[0]).toContain("placeholder");
    expect(mistakes({ JWT_SECRET: "x".repeat(31) })[0]).toContain("at least 32 bytes");
    expect(mistakes({ JWT_SECRET: "x".repeat(32) })).toEqual([]);
  });

  test("a GRPC_TOKEN that no header can carry", () => {
    for (const wrong of [
      "fifteen-letters",
      "a token with spaces in it",
      "ein-schönes-Geheimnis",
      "a=b-and-then-more-of-it",
    ])
      expect(mistakes({ GRPC_TOKEN: wrong })[0]).toContain("make one with: openssl rand -hex 32");
    for (const right of ["0123456789abcdef", "AZaz09-._~+/AZaz09-._~+/", "bm90IGEgc2VjcmV0IQ=="])
      expect(load({ GRPC_TOKEN: right }).GRPC_TOKEN).toBe(right);
  });

  test("a secret's file that ends in a space, or in two lines", () => {
    const readFile = () => "0123456789abcdef\n\n";
    expect(mistakes({ GRPC_TOKEN_FILE: "/run/token" }, { readFile })[0]).toContain("GRPC_TOKEN must be");
  });

  test("entries that are neither an address nor a range", () => {
    const list = (text: string) => mistakes({ TRUSTED_PROXIES: text });
    expect(list("10.0.0.0/8, ::1,fd00::/8, 192.0.2.1")).toEqual([]);
    for (const wrong of ["10.0.0.0/33", "proxy.local", "1.2.3.4/", "1.2.3.4/8/9", "fe80::1%eth0"])
      expect(list(`10.0.0.1,${wrong}`)[0]).toContain("must be addresses or ranges such as 10.0.0.0/8");
  });

  test("a broker without an address, and Redis named twice", () => {
    expect(mistakes({ BROKER: "redis" })).toEqual([
      "BROKER is redis, but nothing says where Redis is. Set REDIS_URL, REDIS_HOST or REDIS_SENTINELS.",
    ]);
    expect(mistakes({ BROKER: "redis", REDIS_HOST: "r" })).toEqual([]);
    expect(mistakes({ BROKER: "nats" })[0]).toContain("Set NATS_URL");
    expect(mistakes({ BROKER: "nats", NATS_URL: "nats://a:4222,tls://token@b" })).toEqual([]);
    expect(mistakes({ NATS_URL: "http://a" })[0]).toContain("NATS_URL must be nats://host:4222");
    expect(mistakes({ REDIS_URL: "redis://r", REDIS_HOST: "r" })[0]).toContain("named more than once");
    expect(mistakes({ REDIS_SENTINELS: "s:26379" })[0]).toContain("belong together");
  });

  test("certificates of brokers that are none, without their key, or for a Redis without TLS", () => {
    const { key, cert } = certificateFor("redis.example");
    expect(mistakes({ REDIS_TLS_CA: cert, REDIS_URL: "rediss://r" })).toEqual([]);
    expect(mistakes({ REDIS_TLS_CA: "/etc/ca.pem" })[0]).toContain("REDIS_TLS_CA must be a certificate, as PEM");
    expect(mistakes({ NATS_TLS_CERT: cert, NATS_TLS_KEY: cert }).join()).toBe(
      "NATS_TLS_KEY must be a private key without a passphrase, as PEM.",
    );
    expect(mistakes({ NATS_TLS_CERT: cert })[0]).toContain("NATS_TLS_CERT and NATS_TLS_KEY are needed together");
    expect(mistakes({ REDIS_TLS_KEY: key })[0]).toContain("REDIS_TLS_CERT and REDIS_TLS_KEY are needed together");
    expect(mistakes({ REDIS_URL: "redis://r", REDIS_TLS_CA: cert })[0]).toContain("Write rediss://");
    expect(mistakes({ REDIS_URL: "redis://r", REDIS_TLS: "true" })[0]).toContain("Write rediss://");
  });

  test("sentinels are addresses with a usual port", () => {
    const { REDIS_SENTINELS } = load({ REDIS_SENTINELS: "a, b:7000,[::1]:7001", REDIS_SENTINEL_NAME: "m" });
    expect(REDIS_SENTINELS).toEqual([
      { host: "a", port: 26379 },
      { host: "b", port: 7000 },
      { host: "::1", port: 7001 },
    ]);
    expect(mistakes({ REDIS_SENTINELS: "a:b", REDIS_SENTINEL_NAME: "m" })[0]).toContain("REDIS_SENTINELS must be");
  });

  test("one port for two things, and a pong time shorter than the ping's", () => {
    expect(mistakes({ METRICS_PORT: "3003" })[0]).toContain("HTTP_PORT and METRICS_PORT are both 3003");
    expect(mistakes({ WS_PONG_TIMEOUT: "30s" })[0]).toContain("WS_PONG_TIMEOUT must be longer");
  });
});

describe("strangers", () => {
  test("other variables of the environment are ignored", () => {
    expect(mistakes({ PATH: "/bin", HTTP_PROXY: "http://proxy", HTTPS_PROXY: "x", LOG_FILE: "y", PORT: "1" })).toEqual(
      [],
    );
  });

  test("what Kubernetes sets for a service named http is skipped", () => {
    expect(load({ HTTP_PORT: "tcp://10.96.0.7:3003", HTTP_SERVICE_HOST: "10.96.0.7" }).HTTP_PORT).toBe(3003);
  });

  test("what Kubernetes sets for services named redis and nats is skipped", () => {
    const port = "tcp://10.96.0.8:6379";
    const links = { REDIS_PORT: port, REDIS_PORT_6379_TCP: port, REDIS_SERVICE_HOST: "10.96.0.8", NATS_PORT: port };
    expect(load(links).REDIS_PORT).toBe(6379);
    expect(mistakes(links)).toEqual([]);
  });

  test("no text of .env makes it throw anything but its mistakes", async () => {
    await assert(
      property(string(), (dotenv) => {
        expect(Array.isArray(mistakes({}, { dotenv }))).toBe(true);
      }),
    );
  });
});
