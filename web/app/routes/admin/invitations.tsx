import { type ActionFunctionArgs, Form, Link, type LoaderFunctionArgs, useLoaderData } from "react-router";
import { UsherError } from "../../../../sdk/errors.ts";
import type { RegistrationInvite, ResetLink, Rest } from "../../../../sdk/rest.ts";
import { formKey, getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionButton, ActionMenu, ActionStatus, Pager } from "../../admin/controls.tsx";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { load } from "../../server/api-client.ts";
import { field } from "../../server/forms.ts";
import { runAction } from "../../server/run-action.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Field, FormError, Submit } from "../../ui/form.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const after = new URL(request.url).searchParams.get("after");
  return load(request, async ({ rest }) => {
    const [meta, invites, resets] = await Promise.all([
      rest.meta(),
      rest.invites.list({ limit: 50, after }),
      readResetLinks(rest),
    ]);
    return { registration: meta.registration, invites, resets };
  });
}

/** Null for a user who is not the owner: a link gives access to its account. */
async function readResetLinks(rest: Rest): Promise<ResetLink[] | null> {
  try {
    return (await rest.resetLinks()).data;
  } catch (error) {
    if (error instanceof UsherError && error.code === "forbidden") return null;
    throw error;
  }
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async invite({ rest, form }) {
      const { code } = await rest.invites.create({ max_uses: Number(field(form, "max_uses") ?? 1) });
      return `Invitation ${code} is ready. Copy the link and send it.`;
    },
    async "remove-invite"({ rest, id }) {
      await rest.invites.remove(id);
      return "The invitation is withdrawn.";
    },
  });
}

/** Invitations, and links for people who forgot their password. */
export default function Invitations() {
  const { registration, invites, resets } = useLoaderData<typeof loader>();
  const outcome = useActionResult();
  const refusal = getRefusal(outcome, "invite");
  return (
    <>
      <ActionStatus />
      <section className={styles.part}>
        <h2>Invite people</h2>
        <p className={styles.lead}>
          {REGISTRATION[registration]} <Link to="/admin/settings#REGISTRATION">Change registration</Link>
        </p>
        <Form method="post" className={styles.filter} preventScrollReset key={formKey(outcome, "invite")}>
          <Field
            name="max_uses"
            type="number"
            label="Number of people"
            defaultValue={1}
            refusal={refusal}
            min={1}
            max={1000}
            required
          />
          <Submit intent="invite">Create invitation</Submit>
        </Form>
        <FormError refusal={refusal} />
        {invites.data.length === 0 && (
          <p className={styles.note}>No invitations yet. An invitation is valid for seven days.</p>
        )}
        <ul className={styles.list}>
          {invites.data.map((invite) => (
            <Invite key={invite.id} invite={invite} />
          ))}
        </ul>
        <Pager next={invites.next} nextLabel="Older invitations" />
      </section>
      {resets && <Resets resets={resets} />}
    </>
  );
}

const REGISTRATION: Record<string, string> = {
  open: "Registration is open: everyone can create an account, with or without an invitation.",
  invite: "Only people with an invitation can create an account.",
  closed: "Registration is closed: invitations do not work until it is set to “invite”.",
};

function Invite({ invite }: { invite: RegistrationInvite }) {
  const { timeZone } = useClock();
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <p className={styles.code}>{invite.url}</p>
        <p className={styles.note}>
          {invite.uses} of {invite.max_uses} used
          {invite.expires_at && ` · until ${formatDateTime(invite.expires_at, timeZone)}`}
        </p>
      </div>
      <div className={styles.tools}>
        <CopyButton text={invite.url} name={`Copy invitation ${invite.code}`} className={styles.tool} />
        <ActionMenu label={`Manage invitation ${invite.code}`} id={invite.id} intents={["remove-invite"]}>
          <ActionButton
            intent="remove-invite"
            id={invite.id}
            label="Withdraw"
            name={`Withdraw invitation ${invite.code}`}
            danger
          />
        </ActionMenu>
      </div>
    </li>
  );
}

function Resets({ resets }: { resets: readonly ResetLink[] }) {
  const { timeZone } = useClock();
  return (
    <section className={styles.part}>
      <h2>Password reset links</h2>
      <p className={styles.lead}>
        Without a <Link to="/admin/settings">mail server</Link>, pass these links to the people who asked for them. Each
        works once.
      </p>
      {resets.length === 0 && <p className={styles.note}>No one has asked for a new password.</p>}
      <ul className={styles.list}>
        {resets.map((reset) => (
          <li key={reset.url} className={styles.item}>
            <div className={styles.what}>
              <p className={styles.name} dir="auto">
                {reset.username}
              </p>
              <p className={styles.code}>{reset.url}</p>
              <p className={styles.note}>until {formatDateTime(reset.expires_at, timeZone)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
