import { Button, NativeSelect } from "@mantine/core";
import {
  type ActionFunctionArgs,
  Form,
  Link,
  type LoaderFunctionArgs,
  useActionData,
  useLoaderData,
} from "react-router";
import type { Channel, Member, PublicUser } from "../../../protocol/objects.ts";
import { useChannelContext, useOnlineIds } from "../chat/channel-context.ts";
import { useChat } from "../chat/chat-context.tsx";
import { createApiClient, load } from "../server/api-client.ts";
import { attempt, raw } from "../server/forms.ts";
import { Avatar } from "../ui/avatar.tsx";
import { FormError } from "../ui/form.tsx";
import styles from "../ui/lists.module.css";
import { Menu } from "../ui/menu.tsx";
import { PeopleSearch } from "../ui/people-search.tsx";
import { Panel } from "./panel.tsx";

const ROLES = ["owner", "admin", "member"] as const;

export async function loader({ request, params }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const q = query.get("q")?.trim() || null;
  return load(request, async ({ rest }) => {
    const [members, found] = await Promise.all([
      rest.members.list(params.channelId ?? "", { limit: 100, after: query.get("from") }),
      q === null ? null : rest.users.list({ q, limit: 10 }),
    ]);
    return { members, q, found: found?.data ?? [] };
  });
}

export async function action({ request, params }: ActionFunctionArgs) {
  const form = await request.formData();
  const { members } = createApiClient(request).rest;
  const channelId = params.channelId ?? "";
  const userId = raw(form, "user_id");
  return attempt(form, async () => {
    const intent = raw(form, "intent");
    if (intent === "add") await members.add(channelId, userId);
    if (intent === "remove") await members.remove(channelId, userId);
    const role = ROLES.find((name) => name === form.get("role"));
    if (intent === "role" && role) await members.setRole(channelId, userId, role);
    return null;
  });
}

/** Who is in the channel, beside the conversation. */
export default function ChannelMembers() {
  const { members, q, found } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  const { channel, presence } = useChannelContext();
  const onlineIds = useOnlineIds(presence);
  const memberIds = new Set(members.data.map(({ user }) => user.id));
  const canAdd = channel.type === "public" || channel.role === "owner" || channel.role === "admin";
  return (
    <Panel title="Members" count={channel.member_count}>
      <FormError refusal={refusal ?? undefined} />
      {canAdd && (
        <PeopleSearch
          q={q}
          found={found}
          renderAction={(person) => <AddButton person={person} isMember={memberIds.has(person.id)} />}
        />
      )}
      <ul className={styles.list}>
        {members.data.map((member) => (
          <MemberRow key={member.user.id} member={member} channel={channel} isOnline={onlineIds.has(member.user.id)} />
        ))}
      </ul>
      {members.next !== null && <Link to={`?from=${encodeURIComponent(members.next)}`}>More members</Link>}
    </Panel>
  );
}

function AddButton({ person, isMember }: { person: PublicUser; isMember: boolean }) {
  if (isMember) return <span className={styles.tag}>member</span>;
  return (
    <Form method="post" preventScrollReset>
      <input type="hidden" name="user_id" value={person.id} />
      <Button
        type="submit"
        name="intent"
        value="add"
        size="compact-sm"
        variant="light"
        aria-label={`Add ${person.username}`}
      >
        Add
      </Button>
    </Form>
  );
}

function MemberRow({
  member: { user, role },
  channel,
  isOnline,
}: {
  member: Member;
  channel: Channel;
  isOnline: boolean;
}) {
  const { channelList } = useChat();
  const me = user.id === channelList.userId;
  const canRemove = !me && (channel.role === "owner" || (channel.role === "admin" && role === "member"));
  const canSetRole = !me && channel.role === "owner";
  const name = user.name ?? user.username;
  return (
    <li className={styles.item}>
      <Avatar id={user.id} name={name} size={32} isOnline={isOnline} />
      <div className={styles.what}>
        <p>
          <bdi>{name}</bdi>
          {me && <span className={styles.note}> (you)</span>}
          {isOnline && <span className="visually-hidden"> is online</span>}
        </p>
        {user.name !== null && (
          <p className={styles.note} dir="auto">
            {user.username}
          </p>
        )}
      </div>
      {role !== "member" && <span className={styles.tag}>{role}</span>}
      {(canRemove || canSetRole) && (
        <Menu label={`Manage ${name}`}>
          {canSetRole && <RoleForm userId={user.id} name={name} role={role} />}
          {canRemove && (
            <Form method="post" preventScrollReset>
              <input type="hidden" name="user_id" value={user.id} />
              <button type="submit" name="intent" value="remove" aria-label={`Remove ${name}`} data-danger>
                Remove
              </button>
            </Form>
          )}
        </Menu>
      )}
    </li>
  );
}

/** Saves when a role is chosen; without scripts by its button. */
function RoleForm({ userId, name, role }: { userId: string; name: string; role: Member["role"] }) {
  return (
    <Form
      method="post"
      preventScrollReset
      className={styles.role}
      onChange={({ currentTarget }) => currentTarget.requestSubmit()}
    >
      <input type="hidden" name="user_id" value={userId} />
      <input type="hidden" name="intent" value="role" />
      <NativeSelect
        name="role"
        label="Role"
        aria-label={`Role of ${name}`}
        defaultValue={role}
        key={role}
        data={[...ROLES]}
      />
      <noscript>
        <Button type="submit" variant="default" fullWidth>
          Set role
        </Button>
      </noscript>
    </Form>
  );
}
