import { Button, NativeSelect, TextInput } from "@mantine/core";
import { Form, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { AuditEntry } from "../../../../sdk/admin.ts";
import styles from "../../admin/admin.module.css";
import { auditActions, deedOf, peopleIn, roomsIn } from "../../admin/audit-sentence.ts";
import { dayStart } from "../../admin/days.ts";
import { Pager } from "../../admin/parts.tsx";
import { readRoomNames, roomTitle } from "../../admin/room-names.ts";
import { useClock } from "../../chat/clock.tsx";
import { dateTime, knownZone } from "../../chat/time.ts";
import { Empty } from "../../look/page.tsx";
import { cookieOf } from "../../server/cookie.ts";
import { load } from "../../server/hub.ts";
import { namesOf } from "../../server/names.ts";
import { findPerson } from "../../server/person.ts";

export async function loader({ request }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  const zone = knownZone(cookieOf(request, "zone"));
  const filter = {
    action: auditActions().find((action) => action === query.get("action")) ?? "",
    actor: query.get("actor")?.trim() ?? "",
    from: query.get("from") ?? "",
    to: query.get("to") ?? "",
  };
  return load(request, async ({ rest }) => {
    // Services and the machine itself have no account: they are asked for as they stand in the log.
    const actor = filter.actor === "" ? undefined : ((await findPerson(rest, filter.actor))?.id ?? filter.actor);
    const acts = await rest.admin.auditLog({
      limit: 50,
      after: query.get("after"),
      action: filter.action || undefined,
      actor_id: actor,
      from: dayStart(filter.from, zone),
      to: dayStart(filter.to, zone, 1),
    });
    const [people, rooms] = await Promise.all([
      namesOf(rest, peopleIn(acts.data)),
      readRoomNames(rest, roomsIn(acts.data)),
    ]);
    const titles = Object.entries(rooms).map(([room, named]) => [room, roomTitle(room, named)]);
    return { filter, acts, names: { ...people, ...Object.fromEntries(titles) } as Record<string, string> };
  });
}

/** What admins did, the newest first. */
export default function AuditLog() {
  const { filter, acts, names } = useLoaderData<typeof loader>();
  const filtered = Object.values(filter).some((value) => value !== "");
  return (
    <section className={styles.part}>
      <Form role="search" className={styles.filter} key={JSON.stringify(filter)}>
        <NativeSelect
          name="action"
          label="Action"
          defaultValue={filter.action}
          data={[{ value: "", label: "anything" }, ...auditActions()]}
        />
        <TextInput name="actor" label="Person" defaultValue={filter.actor} autoComplete="off" autoCapitalize="none" />
        <TextInput name="from" type="date" label="From" defaultValue={filter.from} />
        <TextInput name="to" type="date" label="To" defaultValue={filter.to} />
        <Button type="submit" variant="default">
          Show
        </Button>
      </Form>
      {filtered && <Link to="/admin/audit-log">Show everything</Link>}
      {acts.data.length === 0 && (
        <Empty title={filtered ? "No entries found" : "No entries yet"}>
          {filtered
            ? "Try another time, person or action."
            : "What admins change is listed here: bans, settings, tokens, roles."}
        </Empty>
      )}
      <ul className={styles.list}>
        {acts.data.map((entry) => (
          <Act key={entry.id} entry={entry} names={names} />
        ))}
      </ul>
      <Pager next={acts.next} more="Earlier" />
    </section>
  );
}

function Act({ entry, names }: { entry: AuditEntry; names: Record<string, string> }) {
  const { timeZone } = useClock();
  const { actor, actor_name, at, address, action } = entry;
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <p>
          <strong dir="auto">{actor === "system" ? "System" : (actor_name ?? `A deleted person (${actor})`)}</strong>{" "}
          {deedOf(entry, names)}
        </p>
        <p className={styles.note}>
          {dateTime(at, timeZone)}
          {address !== null && ` · from ${address}`} · {action}
        </p>
      </div>
    </li>
  );
}
