import type { PackageDefinition } from "@grpc/proto-loader";

/** What of a message's descriptor (google.protobuf.DescriptorProto, as JSON) is looked at. */
interface Message {
  name: string;
  field: { name: string; label: string; type: string; typeName: string }[];
  oneofDecl: { name: string }[];
  nestedType: { name: string; field: Message["field"]; options?: { mapEntry?: boolean } | null }[];
}

const SCALARS: Record<string, string> = {
  TYPE_STRING: "string",
  TYPE_BOOL: "boolean",
  TYPE_INT32: "number",
  TYPE_INT64: "number",
};

/** TypeScript for the messages of protocol/proto, as definition.ts of the gRPC server reads and writes them. */
export function protoTypes(definition: PackageDefinition): string {
  const parts = Object.entries(definition).flatMap(([name, entry]) => {
    if (name.startsWith("grpc.") || name.startsWith("google.")) return [];
    if (!("format" in entry)) return [];
    if ("value" in (entry.type as object)) {
      const { value } = entry.type as unknown as { value: { name: string }[] };
      return [`export type ${short(name)} =\n${value.map((one) => `  | ${JSON.stringify(one.name)}`).join("\n")};\n`];
    }
    const message = entry.type as unknown as Message;
    const fields = message.field.map((field) => {
      const optional = message.oneofDecl.some(({ name }) => name === `_${field.name}`) ? "?" : "";
      return `  ${field.name}${optional}: ${fieldType(message, field)};\n`;
    });
    return [fields.length === 0 ? empty(name) : `export interface ${short(name)} {\n${fields.join("")}}\n`];
  });
  return `// Made by "npm run generate" from protocol/proto.\n\n${parts.sort().join("\n")}`;
}

function empty(name: string): string {
  return `export type ${short(name)} = Record<string, never>;\n`;
}

function fieldType(message: Message, field: Message["field"][number]): string {
  const entry = message.nestedType.find((nested) => nested.options?.mapEntry && field.typeName.endsWith(nested.name));
  if (entry !== undefined) return `Record<string, ${scalar(entry.field.find(({ name }) => name === "value")!)}>`;
  return field.label === "LABEL_REPEATED" ? `${scalar(field)}[]` : scalar(field);
}

function scalar({ type, typeName }: Message["field"][number]): string {
  return SCALARS[type] ?? short(typeName);
}

function short(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
