import { expect, test } from "bun:test";
import { createRest } from "./rest.ts";

/** A `fetch` that responds to each request with `respond`, and the calls it got. */
function createFetch(respond: (request: Request) => Response | Promise<Response>) {
  const calls: Request[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    calls.push(request.clone());
    return respond(request);
  }) as unknown as typeof globalThis.fetch;
  return { calls, fetch };
}

test("a call carries the path, the query, the token and the page server's cookie", async () => {
  const { calls, fetch } = createFetch(() =>
    Response.json({ data: [], next: null, prev: null, head_seq: 3, epoch: "e" }),
  );
  const rest = createRest({ url: "http://h", fetch, getToken: () => "t", headers: { cookie: "s=1" } });
  const page = await rest.messages.list("1/2", { before: "a b", after: null, limit: 5 });
  expect(page.head_seq).toBe(3);
  expect(calls[0]!.url).toBe("http://h/api/v1/channels/1%2F2/messages?before=a+b&limit=5");
  expect(calls[0]!.headers.get("authorization")).toBe("Bearer t");
});

test("problem+json becomes a typed error with its fields", async () => {
  const errors = [{ pointer: "/username", code: "too_short", message: "at least 2" }];
  const { fetch } = createFetch(() =>
    Response.json({ code: "invalid", title: "Bad", detail: "Look", errors, retry: false }, { status: 422 }),
  );
  const call = createRest({ url: "http://h", fetch }).auth.login({ username: "x", password: "y" });
  expect(call).rejects.toMatchObject({
    name: "UsherError",
    code: "invalid",
    status: 422,
    message: "Look",
    errors,
    retry: false,
  });
});

test("a proxy's page, a lost network and a server that does not respond have separate codes", async () => {
  const proxy = createFetch(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  expect(createRest({ url: "http://h", fetch: proxy.fetch }).meta()).rejects.toMatchObject({
    code: "unavailable",
    retry: true,
  });
  const lost = createFetch(() => Promise.reject(new TypeError("fetch failed")));
  expect(createRest({ url: "http://h", fetch: lost.fetch }).meta()).rejects.toMatchObject({
    code: "network",
    status: null,
  });
  const silent = createFetch(
    (request) =>
      new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(new Error("aborted")))),
  );
  const call = createRest({ url: "http://h", fetch: silent.fetch, timeout: 5 }).meta();
  expect(call).rejects.toMatchObject({ code: "timeout" });
});

test("a login page of a proxy with status 200 is not taken for a response of the server", async () => {
  const { fetch } = createFetch(() => new Response("<h1>Hotel Wi-Fi</h1>"));
  expect(createRest({ url: "http://h", fetch }).meta()).rejects.toMatchObject({ code: "unavailable", retry: true });
});

test("an empty response is undefined, and the cookies of every response can be read", async () => {
  const { fetch } = createFetch(() => new Response(null, { status: 204, headers: { "set-cookie": "s=2" } }));
  const cookies: string[][] = [];
  const rest = createRest({
    url: "http://h",
    fetch,
    onResponse: ({ headers }) => cookies.push(headers.getSetCookie()),
  });
  expect(await rest.auth.logout()).toBeUndefined();
  expect(cookies).toEqual([["s=2"]]);
});
