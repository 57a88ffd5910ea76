import { afterAll, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newSecret, signedHeaders } from "../../src/bridges/webhooks/sign.ts";
import { run } from "../support/grpc-stubs.ts";
import { testWith } from "../support/tools.ts";

/** The programs that docs/webhooks.md prints for receivers of webhooks, each given what Usher sends and what it does not. */
const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "usher-readers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const printed = readFileSync(join(ROOT, "docs/webhooks.md"), "utf8");
const programIn = (language: string) => new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(printed)![1]!;

const secret = newSecret();
const body = '{"type":"booking:confirmed","payload":{"message":"Grüße"}}';
const sign = (secrets: string[], now = Date.now(), text = body) => signedHeaders("msg_1", text, secrets, now);
/** Headers, and whether they are of Usher. */
const REQUESTS: [headers: Record<string, string>, isOurs: boolean][] = [
  [sign([secret]), true],
  [sign([newSecret(), secret]), true],
  [sign([newSecret()]), false],
  [sign([secret], Date.now(), `${body} `), false],
  [sign([secret], Date.now() - 600_000), false],
  [sign([secret], Date.now() + 600_000), false],
  [{ ...sign([secret]), "webhook-id": "msg_2" }, false],
  [{ ...sign([secret]), "webhook-timestamp": "now" }, false],
  [{ ...sign([secret]), "webhook-signature": "v1," }, false],
];
const input = JSON.stringify({ secret, body, requests: REQUESTS.map(([headers]) => headers) });
const expected = REQUESTS.map(([, isOurs]) => isOurs);

/** Runs a program in a folder with these files, which prints a list of results as JSON. */
async function runProgram(language: string, files: Record<string, string>, command: string[]): Promise<unknown> {
  const place = join(folder, language);
  mkdirSync(place);
  for (const [name, text] of Object.entries({ ...files, "input.json": input })) {
    mkdirSync(join(place, name, ".."), { recursive: true });
    writeFileSync(join(place, name), text);
  }
  symlinkSync(join(ROOT, "node_modules"), join(place, "node_modules"));
  return JSON.parse(await run(place, command, { WEBHOOK_SECRET: secret }));
}

testWith()(
  "the program in TypeScript",
  async () => {
    const main = `
    import { read } from "./reader.ts";
    const { body, requests } = await Bun.file("input.json").json();
    const isOurs = (headers) => { try { read(body, headers); return true; } catch { return false; } };
    console.log(JSON.stringify(requests.map(isOurs)));`;
    const files = { "reader.ts": programIn("ts"), "main.ts": main };
    expect(await runProgram("ts", files, [process.execPath, "main.ts"])).toEqual(expected);
  },
  60_000,
);

testWith("python-grpc")(
  "the program in Python",
  async () => {
    const main = `
import json
from reader import verify

given = json.load(open("input.json", encoding="utf8"))
print(json.dumps([verify(given["secret"], headers, given["body"].encode()) for headers in given["requests"]]))`;
    const files = { "reader.py": programIn("python"), "main.py": main };
    expect(await runProgram("python", files, ["python-grpc", "main.py"])).toEqual(expected);
  },
  60_000,
);

testWith("go")(
  "the program in Go",
  async () => {
    const main = `
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"reader/webhook"
)

func main() {
	var given struct {
		Secret, Body string
		Requests     []map[string]string
	}
	text, _ := os.ReadFile("input.json")
	if err := json.Unmarshal(text, &given); err != nil {
		panic(err)
	}
	results := []bool{}
	for _, request := range given.Requests {
		header := http.Header{}
		for name, value := range request {
			header.Set(name, value)
		}
		results = append(results, webhook.Verify(given.Secret, header, []byte(given.Body)))
	}
	json.NewEncoder(os.Stdout).Encode(results)
}`;
    const files = { "webhook/webhook.go": programIn("go"), "main.go": main, "go.mod": "module reader\n\ngo 1.22\n" };
    expect(await runProgram("go", files, ["go", "run", "."])).toEqual(expected);
  },
  300_000,
);
