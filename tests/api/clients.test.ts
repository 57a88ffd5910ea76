import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { findTool, testWith } from "../support/tools.ts";

setDefaultTimeout(300_000);

/** The OpenAPI document as other programs understand it: a linter, and generators of clients in Go and Python. */
const ROOT = join(import.meta.dirname, "../..");

let app: ServerApiApp;
let folder: string;
let document: string;

beforeAll(async () => {
  app = await startServerApiApp();
  folder = mkdtempSync(join(tmpdir(), "usher-clients-"));
  document = join(folder, "openapi.json");
  await Bun.write(document, await fetch(`${app.url}/api/openapi.json`));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await app.close();
});

/** Runs a program to its end; returns its exit code and output. */
async function run(program: string, args: string[], { cwd = folder, env = {} } = {}) {
  const child = Bun.spawn([findTool(program) ?? program, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, said: out + err };
}

/** Descriptions are in each summary, the contact is the server's operator, and scopes of a bearer scheme are new in 3.1. */
const RULES = {
  extends: ["spectral:oas"],
  rules: { "operation-description": "off", "info-contact": "off", "oas3-operation-security-defined": "off" },
};

testWith("spectral")("Spectral finds no fault in the document, and finds a planted one", async () => {
  writeFileSync(join(folder, "rules.json"), JSON.stringify(RULES));
  const lint = (file: string) =>
    run("spectral", ["lint", file, "-r", "rules.json", "-f", "text", "--fail-severity", "warn"]);
  expect(await lint(document)).toMatchObject({ code: 0, said: expect.stringContaining("No results") });
  const broken = JSON.parse(readFileSync(document, "utf8"));
  broken.paths["/api/v1/changes"].get.responses["200"] = {};
  writeFileSync(join(folder, "broken.json"), JSON.stringify(broken));
  expect((await lint("broken.json")).code).toBe(1);
});

testWith("oapi-codegen", "go")("a client in Go is generated, compiles and calls", async () => {
  const module = join(folder, "go");
  cpSync(join(ROOT, ".cache/tools/openapi-go"), module, { recursive: true });
  const made = await run(
    "oapi-codegen",
    ["-generate", "types,client", "-package", "usher", "-o", "usher.go", document],
    {
      cwd: module,
    },
  );
  expect(made).toMatchObject({ code: 0 });
  await Bun.write(join(module, "call/main.go"), GO_CALLER);
  const token = await app.serviceToken(["notify"], ["user:*"]);
  const env = { GOFLAGS: "-mod=mod", GOPROXY: "off", USHER_URL: app.url, USHER_TOKEN: token };
  const called = await run("go", ["run", "./call"], { cwd: module, env });
  expect(called).toEqual({ code: 0, said: "200 stored true\n" });
});

const GO_CALLER = `package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	usher "example.org/usher"
)

func main() {
	token := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("USHER_TOKEN"))
		return nil
	}
	client, err := usher.NewClientWithResponses(os.Getenv("USHER_URL"), usher.WithRequestEditorFn(token))
	if err != nil {
		panic(err)
	}
	response, err := client.PostUsersByUserIdNoticesWithResponse(context.Background(), "user-uuid", nil,
		usher.PostUsersByUserIdNoticesJSONRequestBody{
			EventType: "booking:confirmed",
			Payload:   map[string]interface{}{"booking_id": "b-1"},
		})
	if err != nil {
		panic(err)
	}
	fmt.Println(response.StatusCode(), "stored", response.JSON200.Stored)
}
`;

testWith("openapi-python")("a client in Python is generated, imports and calls", async () => {
  writeFileSync(join(folder, "python.json"), JSON.stringify({ post_hooks: [] }));
  const generate = ["generate", "--path", document, "--output-path", "usher_client", "--meta", "none"];
  const made = await run("openapi-python", ["-m", "openapi_python_client", ...generate, "--config", "python.json"]);
  expect(made).toMatchObject({ code: 0, said: expect.not.stringContaining("Warning") });
  expect(await run("openapi-python", ["-m", "compileall", "-q", "usher_client"])).toEqual({ code: 0, said: "" });
  const token = await app.serviceToken(["stats"]);
  const called = await run("openapi-python", ["-c", PYTHON_CALLER], {
    env: { USHER_URL: app.url, USHER_TOKEN: token },
  });
  expect(called).toEqual({ code: 0, said: "1 nodes\n" });
});

const PYTHON_CALLER = `
import os
from usher_client import AuthenticatedClient
from usher_client.api.services import get_connections_stats
client = AuthenticatedClient(base_url=os.environ["USHER_URL"], token=os.environ["USHER_TOKEN"])
print(get_connections_stats.sync(client=client).nodes, "nodes")
`;
