import { z } from "zod";

/**
 * The schema with unknown fields refused. An object at the top is made strict here; one further inside cannot be changed
 * from outside, so a loose one stops the start with a message: a forgotten `z.strictObject` never reaches a client.
 *
 * @param where names the route in that message
 */
export function strict<S extends z.ZodType>(schema: S, where: string): S {
  const closed = schema instanceof z.ZodObject ? schema.strict() : schema;
  findLoose(closed, where);
  return closed as unknown as S;
}

function findLoose(schema: unknown, where: string): void {
  if (schema instanceof z.ZodObject) {
    if (!(schema.def.catchall instanceof z.ZodNever)) {
      throw new Error(`${where} lets unknown fields through: use z.strictObject instead of z.object.`);
    }
    for (const [key, value] of Object.entries(schema.shape)) findLoose(value, `${where}.${key}`);
  } else if (schema instanceof z.ZodArray) findLoose(schema.element, `${where}[]`);
  else if (schema instanceof z.ZodUnion) for (const option of schema.options) findLoose(option, where);
  else if (schema instanceof z.ZodPipe) findLoose(schema.in, where);
  else if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    findLoose(schema.unwrap(), where);
  }
}
