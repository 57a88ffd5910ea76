import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type ActionFunctionArgs, Form, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { Role } from "../../../../protocol/objects.ts";
import type { Account } from "../../../../sdk/admin.ts";
import { getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionButton, ActionMenu, ActionStatus, Confirm, Pager } from "../../admin/controls.tsx";
import { useChat } from "../../chat/chat-context.tsx";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { load } from "../../server/api-client.ts";
import { raw } from "../../server/forms.ts";
import { runAction } from "../../server/run-action.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { bidiIsolate } from "../../ui/bidi-isolate.ts";
import { EmptyState } from "../../ui/page-layout.tsx";

const ROLES: readonly Role[] = ["member", "admin", "owner"];
const STATUSES = ["active", "disabled", "banned"] as const;
const RANK: Record<Role, number> = { member: 0, admin: 1, owner: 2 };

export async function loader({ request }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const filter = {
    q: query.get("q")?.trim() || undefined,
    role: ROLES.find((role) => role === query.get("role")),
    status: STATUSES.find((status) => status === query.get("status")),
  };
  const tooShort = filter.q !== undefined && [...filter.q].length < 2;
  const listQuery = { ...filter, q: tooShort ? undefined : filter.q, limit: 50, after: query.get("after") };
  return load(request, async ({ rest }) => ({ filter, tooShort, people: await rest.admin.users(listQuery) }));
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async role({ rest, form, id }) {
      const role = ROLES.find((role) => role === raw(form, "role"));
      const { username } = await rest.admin.updateUser(id, { role });
      return `${bidiIsolate(username)} is ${role === "member" ? "a member" : `an ${role}`} of this server now.`;
    },
    async disable({ rest, id }) {
      const { username } = await rest.admin.updateUser(id, { disabled: true });
      return `${bidiIsolate(username)} is disabled and signed out on all devices.`;
    },
    async enable({ rest, id }) {
      const { username } = await rest.admin.updateUser(id, { disabled: false });
      return `${bidiIsolate(username)} can sign in again.`;
    },
    async "sign-out"({ rest, id }) {
      await rest.admin.endSessions(id);
      return "This person is signed out on all devices.";
    },
  });
}

/** All people with an account here. */
export default function PeoplePage() {
  const { filter, tooShort, people } = useLoaderData<typeof loader>();
  const filtered = Object.values(filter).some((value) => value !== undefined);
  return (
    <>
      <ActionStatus />
      <section className={styles.part}>
        <Form role="search" className={styles.filter} key={JSON.stringify(filter)}>
          <TextInput
            name="q"
            label="Name or e-mail"
            defaultValue={filter.q}
            error={tooShort ? "At least 2 characters." : undefined}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
          <NativeSelect name="role" label="Role" defaultValue={filter.role ?? ""} data={withAny(ROLES)} />
          <NativeSelect name="status" label="Status" defaultValue={filter.status ?? ""} data={withAny(STATUSES)} />
          <Button type="submit" variant="default">
            Show
          </Button>
        </Form>
        {filtered && <Link to="/admin/people">Show all people</Link>}
        {people.data.length === 0 && (
          <EmptyState title="No people found">Try part of the name or e-mail address.</EmptyState>
        )}
        <ul className={styles.list}>
          {people.data.map((person) => (
            <PersonRow key={person.id} person={person} />
          ))}
        </ul>
        <Pager next={people.next} nextLabel="More people" />
      </section>
    </>
  );
}

const withAny = (values: readonly string[]) => [{ value: "", label: "Any" }, ...values];

function PersonRow({ person }: { person: Account }) {
  const { timeZone } = useClock();
  const { id, username, name, email, role, disabled, banned, created_at, last_seen_at } = person;
  return (
    <li className={styles.item}>
      <Avatar id={id} name={name ?? username} size={32} />
      <div className={styles.what}>
        <p className={styles.tags}>
          <Link className={styles.name} to={`/admin/connections?user=${encodeURIComponent(username)}`}>
            <bdi>{username}</bdi>
          </Link>
          {role !== "member" && <span className={styles.tag}>{role}</span>}
          {disabled && (
            <span className={styles.tag} data-kind="warn">
              disabled
            </span>
          )}
          {banned && (
            <span className={styles.tag} data-kind="bad">
              banned
            </span>
          )}
        </p>
        <p className={styles.note}>
          {name !== null && (
            <>
              <bdi>{name}</bdi>
              {" · "}
            </>
          )}
          {email ?? "no e-mail address"}
        </p>
        <p className={styles.note}>
          joined {formatDateTime(created_at, timeZone)} ·{" "}
          {last_seen_at ? `last seen ${formatDateTime(last_seen_at, timeZone)}` : "not signed in"}
        </p>
      </div>
      <PersonTools person={person} />
    </li>
  );
}

/** Only the actions that the user may do: owners assign roles, and no one acts on their own rank. */
function PersonTools({ person: { id, username, role, disabled, banned, last_seen_at } }: { person: Account }) {
  const { me } = useChat();
  const refusal = getRefusal(useActionResult(), "role", id);
  const outranked = RANK[me.role] > RANK[role];
  return (
    <div className={styles.tools}>
      {me.role === "owner" && (
        <Confirm label="Change role" name={`Change role of ${username}`} intent="role" id={id} submitLabel="Set role">
          <NativeSelect
            name="role"
            label={`Role of ${username}`}
            defaultValue={refusal?.typed.role ?? role}
            data={[...ROLES]}
          />
          <p className={styles.note}>Admins see these pages and manage members. Owners also assign roles.</p>
        </Confirm>
      )}
      {(outranked || me.role === "owner") && (
        <ActionMenu label={`Manage ${username}`} id={id} intents={["sign-out", "disable", "enable"]}>
          {me.role === "owner" && (
            <Link to={`/admin/traces?username=${encodeURIComponent(username)}`} aria-label={`Trace ${username}`}>
              Trace
            </Link>
          )}
          {outranked && last_seen_at && (
            <Confirm
              label="Sign out"
              name={`Sign out ${username}`}
              intent="sign-out"
              id={id}
              submitLabel="Sign out everywhere"
            >
              <p>
                <bdi>{username}</bdi> is signed out on all devices and can sign in again.
              </p>
            </Confirm>
          )}
          {outranked && disabled && <ActionButton intent="enable" id={id} label="Enable" name={`Enable ${username}`} />}
          {outranked && !disabled && (
            <Confirm label="Disable" name={`Disable ${username}`} intent="disable" id={id} submitLabel="Disable">
              <p>
                <bdi>{username}</bdi> is signed out on all devices and cannot sign in until the account is enabled
                again.
              </p>
            </Confirm>
          )}
          {outranked && !banned && (
            <Link
              to={`/admin/bans?username=${encodeURIComponent(username)}`}
              aria-label={`Ban ${username}`}
              data-danger
            >
              Ban
            </Link>
          )}
        </ActionMenu>
      )}
    </div>
  );
}
