import { Button, TextInput } from "@mantine/core";
import Search from "lucide-react/icons/search";
import { useRef } from "react";
import { Form, Link, type LoaderFunctionArgs, useLoaderData, useSubmit } from "react-router";
import { channelTitle } from "../chat/channel-list-store.ts";
import { load } from "../server/api-client.ts";
import styles from "../ui/lists.module.css";
import { DocumentTitle, EmptyState, PageBody, PageHeader } from "../ui/page-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const q = query.get("q")?.trim() || undefined;
  const page = await load(request, ({ rest }) =>
    rest.channels.list({ scope: "public", q, limit: 50, after: query.get("after") }),
  );
  return { page, q };
}

/** The public channels, to find and to join. */
export default function ChannelBrowse() {
  const { page, q } = useLoaderData<typeof loader>();
  const submit = useSubmit();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  return (
    <>
      <DocumentTitle>Browse channels</DocumentTitle>
      <PageHeader title="Browse channels" subtitle="Public channels of this server" />
      <PageBody>
        <div>
          <Form
            role="search"
            onChange={({ currentTarget }) => {
              clearTimeout(timer.current);
              timer.current = setTimeout(() => void submit(currentTarget, { replace: true }), 250);
            }}
          >
            <TextInput
              name="q"
              dir="auto"
              defaultValue={q}
              aria-label="Find a channel"
              placeholder="Find a channel"
              leftSection={<Search size={16} />}
              autoComplete="off"
            />
          </Form>
          {page.data.length === 0 ? (
            <EmptyState title={q ? `No public channel is called “${q}”` : "No public channels yet"}>
              <Link to="/channels/new">Create {q ? "it" : "the first one"}</Link>
            </EmptyState>
          ) : (
            <ul className={`${styles.list} ${styles.searched}`}>
              {page.data.map((channel) => (
                <li key={channel.id} className={styles.item}>
                  <div className={styles.what}>
                    <p>
                      <Link to={`/channels/${channel.id}`}>
                        <bdi>#{channelTitle(channel)}</bdi>
                      </Link>
                    </p>
                    <p className={styles.note}>
                      {channel.member_count} {channel.member_count === 1 ? "member" : "members"}
                      {channel.topic && (
                        <>
                          {" · "}
                          <bdi>{channel.topic}</bdi>
                        </>
                      )}
                    </p>
                  </div>
                  {channel.role === null ? (
                    <Form method="post" action={`/channels/${channel.id}`}>
                      <Button
                        type="submit"
                        name="intent"
                        value="join"
                        size="compact-sm"
                        variant="light"
                        aria-label={`Join ${channelTitle(channel)}`}
                      >
                        Join
                      </Button>
                    </Form>
                  ) : (
                    <span className={styles.tag}>joined</span>
                  )}
                </li>
              ))}
            </ul>
          )}
          {page.next !== null && (
            <Link to={`?${new URLSearchParams({ ...(q ? { q } : {}), after: page.next })}`}>More channels</Link>
          )}
        </div>
      </PageBody>
    </>
  );
}
