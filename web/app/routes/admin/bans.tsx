import { type ActionFunctionArgs, Form, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { Ban } from "../../../../sdk/rest.ts";
import { formKey, getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionStatus, Confirm, Pager } from "../../admin/controls.tsx";
import { type Duration, DurationSelect, timeFromNow } from "../../admin/duration-select.tsx";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { lookUp } from "../../look-up.ts";
import { load } from "../../server/api-client.ts";
import { field } from "../../server/forms.ts";
import { findPersonForForm } from "../../server/person.ts";
import { runAction } from "../../server/run-action.ts";
import { readUsernames } from "../../server/usernames.ts";
import { bidiIsolate } from "../../ui/bidi-isolate.ts";
import { Field, FormError, Submit } from "../../ui/form.tsx";
import { EmptyState } from "../../ui/page-layout.tsx";

const BAN_DURATIONS: readonly Duration[] = ["hour", "day", "week", "month", "year"];

export async function loader({ request }: LoaderFunctionArgs) {
  const query = new URL(request.url).searchParams;
  return load(request, async ({ rest }) => {
    const bans = await rest.bans.list({ limit: 50, after: query.get("after") });
    const names = await readUsernames(
      rest,
      bans.data.map(({ created_by }) => created_by),
    );
    return { bans, names, username: query.get("username") ?? undefined };
  });
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async ban({ rest, form }) {
      const person = await findPersonForForm(rest, field(form, "username") ?? "");
      const terms = { reason: field(form, "reason") ?? "", until: timeFromNow(field(form, "seconds")) };
      await rest.bans.create({ user_id: person.id, ...terms });
      return `${bidiIsolate(person.username)} is banned and signed out on all devices.`;
    },
    async "ban-range"({ rest, form }) {
      const terms = { reason: field(form, "reason") ?? "", until: timeFromNow(field(form, "seconds")) };
      const { ip_range } = await rest.bans.create({ ip_range: field(form, "ip_range") ?? "", ...terms });
      return `${ip_range} is banned: requests from there are refused.`;
    },
    async lift({ rest, id }) {
      await rest.bans.lift(id);
      return "The ban is lifted.";
    },
  });
}

/** The bans of people and addresses. */
export default function Bans() {
  const { bans, names, username } = useLoaderData<typeof loader>();
  return (
    <>
      <ActionStatus />
      <section className={styles.part}>
        <h2>Ban a person</h2>
        <p className={styles.lead}>A banned person is signed out on all devices and cannot sign in again.</p>
        <BanForm intent="ban" field={{ name: "username", label: "Username", defaultValue: username }} />
      </section>
      <section className={styles.part}>
        <h2>Ban addresses</h2>
        <p className={styles.lead}>
          Requests from these addresses are refused. Many people can share one address: prefer a short time.
        </p>
        <BanForm
          intent="ban-range"
          field={{ name: "ip_range", label: "Address or range", placeholder: "192.0.2.0/24" }}
        />
      </section>
      <section className={styles.part}>
        <h2>Active bans</h2>
        {bans.data.length === 0 && <EmptyState title="No active bans">Bans are listed here until they end.</EmptyState>}
        <ul className={styles.list}>
          {bans.data.map((ban) => (
            <BanRow key={ban.id} ban={ban} by={lookUp(names, ban.created_by)} />
          ))}
        </ul>
        <Pager next={bans.next} nextLabel="Older bans" />
      </section>
    </>
  );
}

interface BanFormProps {
  intent: string;
  field: { name: string; label: string; placeholder?: string; defaultValue?: string };
}

function BanForm({ intent, field }: BanFormProps) {
  const outcome = useActionResult();
  const refusal = getRefusal(outcome, intent);
  return (
    <>
      <FormError refusal={refusal} />
      <Form method="post" className={styles.filter} preventScrollReset key={formKey(outcome, intent)}>
        <Field {...field} refusal={refusal} required maxLength={64} autoComplete="off" autoCapitalize="none" />
        <Field name="reason" label="Reason" refusal={refusal} required maxLength={500} autoComplete="off" />
        <DurationSelect
          name="seconds"
          label="For"
          durations={BAN_DURATIONS}
          never="Until it is lifted"
          defaultValue={refusal?.typed.seconds ?? ""}
        />
        <Submit intent={intent}>Ban</Submit>
      </Form>
    </>
  );
}

function BanRow({ ban, by }: { ban: Ban; by: string | undefined }) {
  const { timeZone } = useClock();
  const whom = ban.username ?? ban.ip_range ?? "someone";
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <p className={styles.name} dir="auto">
          {whom}
        </p>
        <p dir="auto">{ban.reason}</p>
        <p className={styles.note}>
          {ban.until ? `until ${formatDateTime(ban.until, timeZone)}` : "until it is lifted"} · since{" "}
          {formatDateTime(ban.created_at, timeZone)}
          {by !== undefined && ` by ${by}`}
        </p>
      </div>
      <Confirm label="Lift" name={`Lift the ban of ${whom}`} intent="lift" id={ban.id} submitLabel="Lift ban">
        <p>{whom} can connect again.</p>
      </Confirm>
    </li>
  );
}
