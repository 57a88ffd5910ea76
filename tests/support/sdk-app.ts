import { type Client, createClient } from "../../sdk/client.ts";
import { createRest, type SignedIn } from "../../sdk/rest.ts";
import { startTestApp } from "./app.ts";

/** A whole server, and people who use it by the SDK. */
export async function startSdkApp() {
  const app = await startTestApp();
  const clients: Client[] = [];
  return {
    ...app,
    register(username: string): Promise<SignedIn> {
      const body = { email: `${username}@example.org`, username, password: `the password of ${username}` };
      return createRest({ url: app.url }).auth.register(body);
    },
    connect({ access_token }: SignedIn): Client {
      const client = createClient({ url: app.url, token: access_token });
      clients.push(client);
      client.connect();
      return client;
    },
    async close(): Promise<void> {
      for (const client of clients) client.close();
      await app.close();
    },
  };
}

export type SdkApp = Awaited<ReturnType<typeof startSdkApp>>;
