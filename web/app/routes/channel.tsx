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
import { Composer } from "../chat/composer.tsx";
import { titleOf } from "../chat/house.ts";
import { useChannels, useHouse } from "../chat/house-context.tsx";
import type { InChannel } from "../chat/in-channel.ts";
import { useLastChannel } from "../chat/last-channel.ts";
import { MessageList } from "../chat/message-list.tsx";
import { Online } from "../chat/online.tsx";
import { nameOf } from "../chat/people.ts";
import { Talk } from "../chat/talk.ts";
import { useReadMark } from "../chat/use-read-mark.ts";
import { useReply } from "../chat/use-reply.ts";
import { FormError, Submit } from "../look/form.tsx";
import { isolate } from "../look/isolate.ts";
import { Empty, HouseTitle, PageBar } from "../look/page.tsx";
import { attempt, field, raw } from "../server/forms.ts";
import { hubFor, load } from "../server/hub.ts";
import { readChannel } from "../server/reads.ts";
import { redirect } from "../server/redirect.ts";
import styles from "./channel.module.css";

export async function loader({ request, params }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const view = await load(request, (hub) => readChannel(hub, params.channelId ?? "", query));
  return { ...view, target: query.get("at"), clientId: crypto.randomUUID() };
}

/** The stream keeps a conversation true: it is read again for another channel or another place in it, or after a post. */
export function shouldRevalidate(change: ShouldRevalidateFunctionArgs) {
  const { currentParams, nextParams, currentUrl, nextUrl, formMethod, defaultShouldRevalidate } = change;
  if (formMethod !== undefined && formMethod !== "GET") return defaultShouldRevalidate;
  const place = ({ searchParams }: URL) => ["at", "before", "after"].map((name) => searchParams.get(name)).join();
  return currentParams.channelId !== nextParams.channelId || place(currentUrl) !== place(nextUrl);
}

/** Plain posts: joining, and sending where there are no scripts. */
export async function action({ request, params }: ActionFunctionArgs) {
  const form = await request.formData();
  const channelId = params.channelId ?? "";
  const { rest } = hubFor(request);
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
  const { channel, page, quoted, people, here, target, clientId } = useLoaderData<typeof loader>();
  const { key } = useLocation();
  const refusal = useActionData<typeof action>();
  if (!page) return <Door channel={channel} />;
  return (
    <>
      {refusal && <FormError refusal={refusal} />}
      <Conversation
        // Another channel, or another place in it, is another conversation; a panel opening beside it is not.
        key={`${channel.id} ${target ?? ""} ${target === null ? "" : key}`}
        {...{ channel, page, quoted, people, here, target, clientId }}
      />
    </>
  );
}

interface ConversationProps {
  channel: Channel;
  page: MessagePage;
  quoted: Message[];
  people: PublicUser[];
  here: RoomPresence | null;
  target: string | null;
  clientId: string;
}

function Conversation({ channel: asLoaded, page, quoted, people, here, target, clientId }: ConversationProps) {
  const { house, client } = useHouse();
  const listed = useChannels().find(({ id }) => id === asLoaded.id);
  const channel = listed ?? asLoaded;
  // A channel that was just made or joined is not in the list yet; one that was and is no longer is gone.
  const [wasListed, setWasListed] = useState(listed !== undefined);
  if (listed && !wasListed) setWasListed(true);
  const gone = wasListed && !listed;
  const [talk] = useState(() => new Talk(channel.id, page, quoted, people, here));
  const [firstNew] = useState(() => firstUnread(page, asLoaded, house.myId));
  const [trouble, setTrouble] = useState<string | null>(null);
  const { replyTo, setReplyTo } = useReply(talk, setTrouble);
  const { announce, region } = useAnnouncer();
  const membersChanged = useMembersChanged(gone);
  const navigate = useNavigate();
  const isPosting = useNavigation().formData !== undefined;
  useReadMark(talk);
  useLastChannel(channel.id);
  useEffect(() => {
    if (!client) return;
    return talk.connect(client, house.myId, { said: announce, membersChanged });
  }, [talk, client, house, announce, membersChanged]);
  useEffect(() => {
    // Removed, or the channel is deleted. Who leaves by a form is led on by its answer, which must not be cut off.
    if (gone && !isPosting) void navigate("/channels?left", { replace: true });
  }, [gone, isPosting, navigate]);
  useEffect(() => {
    if (trouble === null) return;
    const timer = setTimeout(() => setTrouble(null), 8_000);
    return () => clearTimeout(timer);
  }, [trouble]);

  const title = titleOf(channel);
  const destination = channel.type === "direct" ? title : `#${title}`;

  function send(content: string) {
    talk.send(content, replyTo?.id ?? null);
    setReplyTo(null);
  }

  function editLast() {
    const mine = talk.window
      .get()
      .messages.findLast(({ user_id, deleted_at }) => user_id === house.myId && deleted_at === null);
    if (mine) window.dispatchEvent(new CustomEvent("usher:edit", { detail: mine.id }));
  }

  if (gone) return null;
  return (
    <div className={styles.channel}>
      <HouseTitle>{destination}</HouseTitle>
      <div className={styles.talk}>
        <PageBar title={destination} below={channel.topic}>
          <Online here={talk.here} me={house.myId} direct={channel.type === "direct"} />
          {channel.type !== "direct" && (
            <NavLink to="members" className={styles.tool} preventScrollReset>
              <Users size={17} aria-hidden="true" />
              {channel.member_count}
              <span className="only-spoken"> {channel.member_count === 1 ? "member" : "members"}</span>
            </NavLink>
          )}
          {channel.type !== "direct" && (
            <NavLink to="about" className={styles.tool} aria-label="About this channel" preventScrollReset>
              <Info size={17} />
            </NavLink>
          )}
        </PageBar>
        <MessageList {...{ talk, channel, firstNew, target }} onReply={setReplyTo} onTrouble={setTrouble} />
        {trouble && (
          <p className={styles.trouble} role="alert">
            {trouble}
          </p>
        )}
        <Composer
          channelId={channel.id}
          userId={house.myId}
          {...{ destination, clientId, replyTo }}
          replyToName={replyTo && nameOf(talk.people.names.get(), replyTo)}
          onCancelReply={() => setReplyTo(null)}
          onSend={client ? send : null}
          onEditLast={editLast}
        />
        {region}
      </div>
      <Outlet context={{ channel, here: talk.here } satisfies InChannel} />
    </div>
  );
}

/** Many may come at once; the open list of members is read again when they have. Not of a channel that is gone. */
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
function Door({ channel }: { channel: Channel }) {
  const refusal = useActionData<typeof action>();
  return (
    <>
      <HouseTitle>{`#${titleOf(channel)}`}</HouseTitle>
      <PageBar title={`#${titleOf(channel)}`} below={channel.topic} />
      <div className={styles.door}>
        <Empty title={`Join ${isolate(`#${titleOf(channel)}`)} to read and write`}>
          {channel.member_count === 1 ? "One person is" : `${channel.member_count} people are`} in this channel.
        </Empty>
        <FormError refusal={refusal} />
        <Form method="post">
          <Submit intent="join">Join the channel</Submit>
        </Form>
      </div>
    </>
  );
}

/** The first unread message, which is of others and after the read mark; null when all was read, or when the page begins after the mark. */
function firstUnread({ data, prev }: MessagePage, { unread, last_read_seq }: Channel, me: string): string | null {
  if (unread === 0 || (prev !== null && (data[0]?.seq ?? 0) > last_read_seq)) return null;
  const isUnread = ({ seq, user_id, deleted_at }: Message) =>
    seq > last_read_seq && user_id !== me && deleted_at === null;
  return data.find(isUnread)?.id ?? null;
}
