import { z } from "zod";
import { parseNameList } from "../../../protocol/rooms.ts";
import { patternText } from "../../../protocol/text.ts";

/** Characters of a list in a query: the line of a request has room for so many. */
const LIST_MAX = 16_384;

/** A parameter that is a list of 1 to `max` names, such as ids or rooms, with commas between them (`namesInList`). */
export function nameList<const N extends z.ZodType<string, string>>(name: N, max: number, description: string) {
  return patternText(LIST_MAX, /^[\x21-\x7e]+$/, `1 to ${max} names with commas between them`)
    .transform(parseNameList)
    .pipe(z.array(name).min(1).max(max))
    .meta({ type: "string", description: `${description} A comma in a name is written \`%2C\`.` });
}
