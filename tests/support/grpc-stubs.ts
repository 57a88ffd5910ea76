import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "./tools.ts";

const CALLERS = join(import.meta.dirname, "../grpc/callers");
const CACHE = join(import.meta.dirname, "../../.cache/grpc");

/** What compiling and running callers needs of the machine. */
export const STUB_TOOLS = ["go", "protoc-gen-go", "protoc-gen-go-grpc", "python-grpc"];

/** A caller that is ready to run: the start of its command. */
export type Caller = string[];

/**
 * Compiles a caller in Go from callers/fixed.proto or another definition.
 *
 * @param source folder with main.go and go.mod; it imports its stubs as `<module>/pb`
 */
export async function goCaller(name: string, proto: string, source = join(CALLERS, "go")): Promise<Caller> {
  const folder = join(CACHE, `go-${name}`);
  mkdirSync(join(folder, "pb"), { recursive: true });
  for (const file of ["go.mod", "go.sum", "main.go"]) copyFileSync(join(source, file), join(folder, file));
  writeFileSync(join(folder, "pb.proto"), proto);
  const plugins = ["protoc-gen-go", "protoc-gen-go-grpc"].map((one) => `--plugin=${findTool(one)}`);
  const out = ["go", "go-grpc"].flatMap((one) => [
    `--${one}_out=pb`,
    `--${one}_opt=paths=source_relative,Mpb.proto=callers/pb`,
  ]);
  await run(folder, [...PROTOC, ...plugins, ...out, "-I.", "pb.proto"]);
  await run(folder, [findTool("go")!, "build", "-o", "caller", "."]);
  return [join(folder, "caller")];
}

/** The same in Python, whose stubs are the module `pb_pb2`. */
export async function pythonCaller(name: string, proto: string, source = join(CALLERS, "python")): Promise<Caller> {
  const folder = join(CACHE, `python-${name}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(source, "main.py"), join(folder, "main.py"));
  writeFileSync(join(folder, "pb.proto"), proto);
  await run(folder, [...PROTOC, "--python_out=.", "--grpc_python_out=.", "-I.", "pb.proto"]);
  return [findTool("python-grpc")!, join(folder, "main.py")];
}

/** The definition with only the fixed numbers, for one of the package names. */
export function fixedProto(packageName: string): string {
  return readFileSync(join(CALLERS, "fixed.proto"), "utf8").replace("package PACKAGE;", `package ${packageName};`);
}

const PROTOC = ["python-grpc", "-m", "grpc_tools.protoc"];

/** Runs a program to its end and returns what it printed; throws with it when it fails. */
export async function run(cwd: string, [program = "", ...rest]: string[], env: Record<string, string> = {}) {
  const started = Bun.spawn([findTool(program) ?? program, ...rest], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text()]);
  if ((await started.exited) !== 0) throw new Error(`${program} ${rest.join(" ")}\n${out}${err}`);
  return out;
}
