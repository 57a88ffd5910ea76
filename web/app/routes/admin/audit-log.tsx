import { Button, NativeSelect, TextInput } from "@mantine/core";
import { Form, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { AuditEntry } from "../../../../sdk/admin.ts";
import styles from "../../admin/admin.module.css";
import { auditActions, describeAction, listRooms, listUserIds } from "../../admin/audit-sentence.ts";
import { Pager } from "../../admin/controls.tsx";
import { dayStart } from "../../admin/days.ts";
import { readRoomNames, roomTitle } from "../../admin/room-names.ts";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime, knownZone } from "../../chat/time.ts";
import { load } from "../../server/api-client.ts";
import { readCookie } from "../../server/cookie.ts";
import { findPerson } from "../../server/person.ts";
import { readUsernames } from "../../server/usernames.ts";
import { EmptyState } from "../../ui/page-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const zone = knownZone(readCookie(request, "zone"));
  const filter = {
    action: auditActions().find((action) => action === query.get("action")) ?? "",
    actor: query.get("actor")?.trim() ?? "",
    from: query.get("from") ?? "",
    to: query.get("to") ?? "",
  };
  return load(request, async ({ rest }) => {
    // Services and the system have no account: they are searched for by their id in the log.
    const actor = filter.actor === "" ? undefined : ((await findPerson(rest, filter.actor))?.id ?? filter.actor);
    const entries = await rest.admin.auditLog({
      limit: 50,
      after: query.get("after"),
      action: filter.action || undefined,
      actor_id: actor,
      from: dayStart(filter.from, zone),
      to: dayStart(filter.to, zone, 1),
    });
    const [people, rooms] = await Promise.all([
      readUsernames(rest, listUserIds(entries.data)),
      readRoomNames(rest, listRooms(entries.data)),
    ]);
    const titles = Object.entries(rooms).map(([room, named]) => [room, roomTitle(room, named)]);
    return { filter, entries, names: { ...people, ...Object.fromEntries(titles) } as Record<string, string> };
  });
}

/** The actions of admins, the newest first. */
export default function AuditLog() {
  const { filter, entries, names } = useLoaderData<typeof loader>();
  const isFiltered = Object.values(filter).some((value) => value !== "");
  return (
    <section className={styles.part}>
      <Form role="search" className={styles.filter} key={JSON.stringify(filter)}>
        <NativeSelect
          name="action"
          label="Action"
          defaultValue={filter.action}
          data={[{ value: "", label: "Any" }, ...auditActions()]}
        />
        <TextInput name="actor" label="Person" defaultValue={filter.actor} autoComplete="off" autoCapitalize="none" />
        <TextInput name="from" type="date" label="From" defaultValue={filter.from} />
        <TextInput name="to" type="date" label="To" defaultValue={filter.to} />
        <Button type="submit" variant="default">
          Show
        </Button>
      </Form>
      {isFiltered && <Link to="/admin/audit-log">Show everything</Link>}
      {entries.data.length === 0 && (
        <EmptyState title={isFiltered ? "No entries found" : "No entries yet"}>
          {isFiltered
            ? "Try another time, person or action."
            : "What admins change is listed here: bans, settings, tokens, roles."}
        </EmptyState>
      )}
      <ul className={styles.list}>
        {entries.data.map((entry) => (
          <AuditRow key={entry.id} entry={entry} names={names} />
        ))}
      </ul>
      <Pager next={entries.next} nextLabel="Earlier" />
    </section>
  );
}

function AuditRow({ entry, names }: { entry: AuditEntry; names: Record<string, string> }) {
  const { timeZone } = useClock();
  const { actor, actor_name, at, address, action } = entry;
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <p>
          <strong dir="auto">{actor === "system" ? "System" : (actor_name ?? `A deleted person (${actor})`)}</strong>{" "}
          {describeAction(entry, names)}
        </p>
        <p className={styles.note}>
          {formatDateTime(at, timeZone)}
          {address !== null && ` · from ${address}`} · {action}
        </p>
      </div>
    </li>
  );
}
