import { expect, test } from "bun:test";
import type { Channel } from "../../../protocol/objects.ts";
import { UsherError } from "../../../sdk/errors.ts";
import type { ApiClient } from "./api-client.ts";
import { readStartPath } from "./reads.ts";

const channel = (id: string, unread = 0, role: Channel["role"] = "member") => ({ id, unread, role }) as Channel;

/** An API with these channels in the list, and these beyond its first page. */
function createApi(listed: Channel[], beyond: Channel[] = []): Pick<ApiClient, "rest"> {
  const get = async (id: string) => {
    const found = beyond.find((each) => each.id === id);
    if (!found) throw new UsherError("not_found", "Not here.", { retry: false, status: 404 });
    return found;
  };
  return { rest: { channels: { list: async () => ({ data: listed }), get } } as unknown as ApiClient["rest"] };
}

test("the front page is the channel of the last visit, while the visitor is a member", async () => {
  const listed = [channel("1"), channel("2", 3)];
  expect(await readStartPath(createApi(listed), "1")).toBe("/channels/1");
  expect(await readStartPath(createApi(listed, [channel("9")]), "9")).toBe("/channels/9");
  expect(await readStartPath(createApi(listed, [channel("9", 0, null)]), "9")).toBe("/channels/2");
});

test("without a last visit it is a channel with something new, else any, else the list", async () => {
  for (const last of [null, "8", "no id", "../admin"]) {
    expect(await readStartPath(createApi([channel("1"), channel("2", 3)]), last)).toBe("/channels/2");
    expect(await readStartPath(createApi([channel("1"), channel("2")]), last)).toBe("/channels/1");
    expect(await readStartPath(createApi([]), last)).toBe("/channels");
  }
});
