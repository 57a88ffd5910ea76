import Info from "lucide-react/icons/info";
import Users from "lucide-react/icons/users";
import { useCallback, useEffect, useRef, useState } from "react";
import {
  type ActionFunctionArgs,
  Form,
  type LoaderFunctionArgs,
  NavLink,
  Outlet,
  type ShouldRevalidateFunctionArgs,
  useActionData,
  useLoaderData,
  useLocation,
  useNavigate,
  useNavigation,
  useRevalidator,
} from "react-router";
import type { Channel, Message, PublicUser } from "../../../protocol/objects.ts";
import type { RoomPresence } from "../../../sdk/presence.ts";
import type { MessagePage } from "../../../sdk/rest.ts";
import { useAnnouncer } from "../chat/announcer.tsx";
import type { ChannelContext } from "../chat/channel-context.ts";
import { channelTitle } from "../chat/channel-list-store.ts";
import { ChannelView } from "../chat/channel-view.ts";
import { useChannels, useChat } from "../chat/chat-context.tsx";
import { Composer } from "../chat/composer.tsx";
import { getDisplayName } from "../chat/display-names.ts";
import { useLastChannel } from "../chat/last-channel.ts";
import { MessageList } from "../chat/message-list.tsx";
import { Online } from "../chat/online.tsx";
import { useReadMark } from "../chat/use-read-mark.ts";
import { useReply } from "../chat/use-reply.ts";
import { createApiClient, load } from "../server/api-client.ts";
import { attempt, field, raw } from "../server/forms.ts";
import { readChannel } from "../server/reads.ts";
import { redirect } from "../server/redirect.ts";
import { bidiIsolate } from "../ui/bidi-isolate.ts";
import { FormError, Submit } from "../ui/form.tsx";
import { DocumentTitle, EmptyState, PageHeader } from "../ui/page-layout.tsx";
import styles from "./channel.module.css";

export async function loader({ request, params }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const view = await load(request, (api) => readChannel(api, params.channelId ?? "", query));
  return { ...view, target: query.get("at"), clientId: crypto.randomUUID() };
}

/** The stream keeps a conversation up to date: it is read again for another channel or another position in it, or after a post. */
export function shouldRevalidate(change: ShouldRevalidateFunctionArgs) {
  const { currentParams, nextParams, currentUrl, nextUrl, formMethod, defaultShouldRevalidate } = change;
  if (formMethod !== undefined && formMethod !== "GET") return defaultShouldRevalidate;
  const getPosition = ({ searchParams }: URL) => ["at", "before", "after"].map((name) => searchParams.get(name)).join();
  return currentParams.channelId !== nextParams.channelId || getPosition(currentUrl) !== getPosition(nextUrl);
}

/** Plain posts: joining, and sending where there are no scripts. */
export async function action({ request, params }: ActionFunctionArgs) {
  const form = await request.formData();
  const channelId = params.channelId ?? "";
  const { rest } = createApiClient(request);
  return attempt(form, async () => {
    if (form.get("intent") === "join") {
      await rest.members.add(channelId);
    } else {
      await rest.messages.send(channelId, {
        content: raw(form, "content").replaceAll("\r\n", "\n"),
        client_id: field(form, "client_id"),
        reply_to_id: field(form, "reply_to_id"),
      });
    }
    return redirect(`/channels/${channelId}`);
  });
}

export default function ChannelPage() {
  const { channel, page, quoted, people, presence, target, clientId } = useLoaderData<typeof loader>();
  const { key } = useLocation();
  const refusal = useActionData<typeof action>();
  if (!page) return <JoinChannel channel={channel} />;
  return (
    <>
      {refusal && <FormError refusal={refusal} />}
      <Conversation
        // Another channel, or another position in it, is another conversation; a panel that opens beside it is not.
        key={`${channel.id} ${target ?? ""} ${target === null ? "" : key}`}
        {...{ channel, page, quoted, people, presence, target, clientId }}
      />
    </>
  );
}

interface ConversationProps {
  channel: Channel;
  page: MessagePage;
  quoted: Message[];
  people: PublicUser[];
  presence: RoomPresence | null;
  target: string | null;
  clientId: string;
}

function Conversation({ channel: asLoaded, page, quoted, people, presence, target, clientId }: ConversationProps) {
  const { channelList, client } = useChat();
  const listed = useChannels().find(({ id }) => id === asLoaded.id);
  const channel = listed ?? asLoaded;
  // A channel that was just created or joined is not in the list yet; one that was in it before is gone.
  const [wasListed, setWasListed] = useState(listed !== undefined);
  if (listed && !wasListed) setWasListed(true);
  const isGone = wasListed && !listed;
  const [channelView] = useState(() => new ChannelView(channel.id, page, quoted, people, presence));
  const [firstUnread] = useState(() => findFirstUnread(page, asLoaded, channelList.userId));
  const [error, setError] = useState<string | null>(null);
  const { replyTo, setReplyTo } = useReply(channelView, setError);
  const { announce, region } = useAnnouncer();
  const membersChanged = useMembersChanged(isGone);
  const navigate = useNavigate();
  const isPosting = useNavigation().formData !== undefined;
  useReadMark(channelView);
  useLastChannel(channel.id);
  useEffect(() => {
    if (!client) return;
    return channelView.connect(client, channelList.userId, { onMessage: announce, onMembersChange: membersChanged });
  }, [channelView, client, channelList, announce, membersChanged]);
  useEffect(() => {
    // Removed, or the channel is deleted. A form that leaves has a response with a redirect, which must not be cancelled.
    if (isGone && !isPosting) void navigate("/channels?left", { replace: true });
  }, [isGone, isPosting, navigate]);
  useEffect(() => {
    if (error === null) return;
    const timer = setTimeout(() => setError(null), 8_000);
    return () => clearTimeout(timer);
  }, [error]);

  const title = channelTitle(channel);
  const destination = channel.type === "direct" ? title : `#${title}`;

  function editLast() {
    const mine = channelView.window
      .get()
      .messages.findLast(({ user_id, deleted_at }) => user_id === channelList.userId && deleted_at === null);
    if (mine) window.dispatchEvent(new CustomEvent("usher:edit", { detail: mine.id }));
  }

  if (isGone) return null;
  return (
    <div className={styles.channel}>
      <DocumentTitle>{destination}</DocumentTitle>
      <div className={styles.conversation}>
        <PageHeader title={destination} subtitle={channel.topic}>
          <Online presence={channelView.presence} me={channelList.userId} direct={channel.type === "direct"} />
          {channel.type !== "direct" && (
            <NavLink to="members" className={styles.tool} preventScrollReset>
              <Users size={17} aria-hidden="true" />
              {channel.member_count}
              <span className="visually-hidden"> {channel.member_count === 1 ? "member" : "members"}</span>
            </NavLink>
          )}
          {channel.type !== "direct" && (
            <NavLink to="about" className={styles.tool} aria-label="About this channel" preventScrollReset>
              <Info size={17} />
            </NavLink>
          )}
        </PageHeader>
        <MessageList {...{ channelView, channel, firstUnread, target }} onReply={setReplyTo} onError={setError} />
        {error && (
          <p className={styles.error} role="alert">
            {error}
          </p>
        )}
        <Composer
          channelId={channel.id}
          userId={channelList.userId}
          {...{ destination, clientId, replyTo }}
          replyToName={replyTo && getDisplayName(channelView.displayNames.names.get(), replyTo)}
          onReplyEnd={() => setReplyTo(null)}
          channelView={client && channelView}
          onEditLast={editLast}
        />
        {region}
      </div>
      <Outlet context={{ channel, presence: channelView.presence } satisfies ChannelContext} />
    </div>
  );
}

/** Many may join at once; the open list of members is read again after that. Not of a channel that is gone. */
function useMembersChanged(gone: boolean): () => void {
  const { revalidate } = useRevalidator();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isGone = useRef(gone);
  isGone.current = gone;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (!isGone.current) void revalidate();
    }, 500);
  }, [revalidate]);
}

/** A public channel that the visitor has not joined. */
function JoinChannel({ channel }: { channel: Channel }) {
  const refusal = useActionData<typeof action>();
  return (
    <>
      <DocumentTitle>{`#${channelTitle(channel)}`}</DocumentTitle>
      <PageHeader title={`#${channelTitle(channel)}`} subtitle={channel.topic} />
      <div className={styles.join}>
        <EmptyState title={`Join ${bidiIsolate(`#${channelTitle(channel)}`)} to read and write`}>
          {channel.member_count === 1 ? "One person is" : `${channel.member_count} people are`} in this channel.
        </EmptyState>
        <FormError refusal={refusal} />
        <Form method="post">
          <Submit intent="join">Join the channel</Submit>
        </Form>
      </div>
    </>
  );
}

/** The first message of others after the read mark; null when all is read, or when the page begins after the mark. */
function findFirstUnread({ data, prev }: MessagePage, { unread, last_read_seq }: Channel, me: string): string | null {
  if (unread === 0 || (prev !== null && (data[0]?.seq ?? 0) > last_read_seq)) return null;
  const isUnread = ({ seq, user_id, deleted_at }: Message) =>
    seq > last_read_seq && user_id !== me && deleted_at === null;
  return data.find(isUnread)?.id ?? null;
}
