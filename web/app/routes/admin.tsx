import { Button, TextInput } from "@mantine/core";
import {
  type ActionFunctionArgs,
  data,
  Form,
  type LoaderFunctionArgs,
  useActionData,
  useLoaderData,
} from "react-router";
import { UsherError } from "../../../sdk/errors.ts";
import type { Rest } from "../../../sdk/rest.ts";
import { useClock } from "../chat/clock.tsx";
import { dateTime } from "../chat/time.ts";
import { FormError, Submit } from "../look/form.tsx";
import styles from "../look/lists.module.css";
import { HouseTitle, PageBar, PageBody, Part } from "../look/page.tsx";
import { readAdmin } from "../server/admin.ts";
import { attempt, field, type Refusal, raw } from "../server/forms.ts";
import { hubFor, load } from "../server/hub.ts";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, readAdmin);
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  const { rest } = hubFor(request);
  const intent = raw(form, "intent");
  const refused = await attempt(form, async () => {
    if (intent === "invite") await rest.invites.create({ max_uses: Number(field(form, "max_uses") ?? 1) });
    if (intent === "remove-invite") await rest.invites.remove(raw(form, "id"));
    if (intent === "ban") await banByName(rest, form);
    if (intent === "lift") await rest.bans.lift(raw(form, "id"));
    return null;
  });
  if (refused)
    return data<{ intent: string; refusal: Refusal | null }>(
      { intent, refusal: refused.data },
      refused.init ?? undefined,
    );
  return data<{ intent: string; refusal: Refusal | null }>({ intent, refusal: null });
}

async function banByName(rest: Rest, form: FormData): Promise<void> {
  const name = field(form, "username") ?? "";
  const { data: people } = await rest.users.list({ q: name, limit: 20 });
  const person = people.find(({ username }) => username.toLowerCase() === name.toLowerCase());
  if (!person) {
    const errors = [{ pointer: "/username", code: "not_found", message: "Nobody here has this username." }];
    throw new UsherError("invalid", "Nobody here has this username.", { retry: false, status: 422, errors });
  }
  await rest.bans.create({ user_id: person.id, reason: field(form, "reason") ?? "" });
}

/** What the owner and the admins of this server look after. */
export default function Admin() {
  const { registration, invites, resets, bans } = useLoaderData<typeof loader>();
  const answer = useActionData<typeof action>();
  const { timeZone } = useClock();
  const refusalOf = (intent: string) => (answer?.intent === intent ? (answer.refusal ?? undefined) : undefined);
  return (
    <>
      <HouseTitle>Administration</HouseTitle>
      <PageBar title="Administration" />
      <PageBody>
        <Part title="Invitations" lead={REGISTRATION[registration]}>
          <FormError refusal={refusalOf("invite") ?? refusalOf("remove-invite")} />
          <Form method="post" className={styles.inline} preventScrollReset>
            <TextInput
              name="max_uses"
              type="number"
              label="How many people it lets in"
              defaultValue={1}
              min={1}
              max={1000}
              required
            />
            <Submit intent="invite">Make an invitation</Submit>
          </Form>
          {invites.length === 0 && (
            <p className={styles.note}>There is no invitation. One you make stands for seven days.</p>
          )}
          <ul className={styles.list}>
            {invites.map((invite) => (
              <li key={invite.id} className={styles.item}>
                <div className={styles.what}>
                  <p className={styles.code}>{invite.url}</p>
                  <p className={styles.note}>
                    {invite.uses} of {invite.max_uses} used
                    {invite.expires_at && ` · until ${dateTime(invite.expires_at, timeZone)}`}
                  </p>
                </div>
                <OneButton intent="remove-invite" id={invite.id} label="Withdraw" />
              </li>
            ))}
          </ul>
        </Part>
        {resets && (
          <Part
            title="Password links"
            lead="Where no mail server is set, hand these to the people who asked for them. Each works once."
          >
            {resets.length === 0 && <p className={styles.note}>Nobody has asked for one.</p>}
            <ul className={styles.list}>
              {resets.map((reset) => (
                <li key={reset.url} className={styles.item}>
                  <div className={styles.what}>
                    <p>{reset.username}</p>
                    <p className={styles.code}>{reset.url}</p>
                    <p className={styles.note}>until {dateTime(reset.expires_at, timeZone)}</p>
                  </div>
                </li>
              ))}
            </ul>
          </Part>
        )}
        <Part title="Bans" lead="Who is banned is signed out everywhere and cannot come back.">
          <FormError refusal={refusalOf("ban") ?? refusalOf("lift")} />
          <Form method="post" className={styles.inline} preventScrollReset key={bans.length}>
            <TextInput
              name="username"
              label="Username"
              required
              autoComplete="off"
              autoCapitalize="none"
              error={refusalOf("ban")?.fields.username}
              defaultValue={refusalOf("ban")?.typed.username}
            />
            <TextInput
              name="reason"
              label="Reason"
              required
              maxLength={500}
              autoComplete="off"
              defaultValue={refusalOf("ban")?.typed.reason}
            />
            <Submit intent="ban">Ban</Submit>
          </Form>
          {bans.length === 0 && <p className={styles.note}>Nobody is banned.</p>}
          <ul className={styles.list}>
            {bans.map((each) => (
              <li key={each.id} className={styles.item}>
                <div className={styles.what}>
                  <p>{each.username ?? each.ip_range}</p>
                  <p className={styles.note}>
                    {each.reason}
                    {each.until && ` · until ${dateTime(each.until, timeZone)}`}
                  </p>
                </div>
                <OneButton intent="lift" id={each.id} label="Lift" />
              </li>
            ))}
          </ul>
        </Part>
      </PageBody>
    </>
  );
}

const REGISTRATION: Record<string, string> = {
  open: "Registration is open: everybody may make an account without one. Set REGISTRATION=invite to change that.",
  invite: "Registration needs one of these.",
  closed: "Registration is closed, so these let nobody in. Set REGISTRATION=invite to use them.",
};

function OneButton({ intent, id, label }: { intent: string; id: string; label: string }) {
  return (
    <Form method="post" preventScrollReset>
      <input type="hidden" name="id" value={id} />
      <Button type="submit" name="intent" value={intent} size="compact-sm" variant="subtle">
        {label}
      </Button>
    </Form>
  );
}
