import { Checkbox, Textarea } from "@mantine/core";
import { type ActionFunctionArgs, Form, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { ServiceToken } from "../../../../sdk/admin.ts";
import { formKey, getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionMenu, ActionStatus, Collapsible, Confirm, Secret } from "../../admin/controls.tsx";
import { DurationSelect, splitWords, timeFromNow } from "../../admin/duration-select.tsx";
import { SCOPES } from "../../admin/scopes.ts";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { lookUp } from "../../look-up.ts";
import { load } from "../../server/api-client.ts";
import { field } from "../../server/forms.ts";
import { runAction } from "../../server/run-action.ts";
import { readUsernames } from "../../server/usernames.ts";
import { bidiIsolate } from "../../ui/bidi-isolate.ts";
import { Field, FormError, Submit } from "../../ui/form.tsx";
import { EmptyState } from "../../ui/page-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, async ({ rest }) => {
    const { data: tokens } = await rest.admin.tokens.list();
    const names = await readUsernames(
      rest,
      tokens.map(({ created_by }) => created_by),
    );
    return { tokens, names };
  });
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async make({ rest, form }) {
      const rooms = splitWords(field(form, "rooms"));
      const { name, token } = await rest.admin.tokens.create({
        name: field(form, "name") ?? "",
        scopes: form.getAll("scopes").map(String).filter(Boolean),
        rooms: rooms.length === 0 ? undefined : rooms,
        expires_at: timeFromNow(field(form, "seconds")),
      });
      return { done: `Token ${bidiIsolate(name)} is created.`, secret: token };
    },
    async rotate({ rest, form, id }) {
      const { name, token } = await rest.admin.tokens.rotate(id, Number(field(form, "seconds") ?? 0));
      return { done: `The token ${bidiIsolate(name)} has a new secret.`, secret: token };
    },
    async revoke({ rest, id }) {
      await rest.admin.tokens.revoke(id);
      return "The token is revoked on all nodes.";
    },
  });
}

/** The service tokens, with which other teams' back ends call. */
export default function Tokens() {
  const { tokens, names } = useLoaderData<typeof loader>();
  const outcome = useActionResult();
  return (
    <>
      <ActionStatus />
      {outcome?.secret && (
        <Secret key={outcome.secret} title="The token’s secret" secret={outcome.secret}>
          <p className={styles.note}>
            The service sends it as <code>Authorization: Bearer …</code>, over HTTP and gRPC alike.
          </p>
        </Secret>
      )}
      <section className={styles.part}>
        <p className={styles.lead}>
          Other services call Usher with a token. It can do only what its scopes allow, in the rooms it names.
        </p>
        <Collapsible
          key={formKey(outcome, "make")}
          title="Add token"
          open={tokens.length === 0 || getRefusal(outcome, "make") !== undefined}
        >
          <NewToken />
        </Collapsible>
        {tokens.length === 0 && (
          <EmptyState title="No tokens yet">
            Add one for each service that calls Usher. Its secret is shown once.
          </EmptyState>
        )}
        <ul className={styles.list}>
          {tokens.map((token) => (
            <TokenRow key={token.id} token={token} by={lookUp(names, token.created_by)} />
          ))}
        </ul>
      </section>
    </>
  );
}

function NewToken() {
  const refusal = getRefusal(useActionResult(), "make");
  return (
    <Form method="post" className={styles.form} preventScrollReset>
      <FormError refusal={refusal} />
      <Field
        name="name"
        label="Name"
        description="Which service it is for, such as “booking-worker”."
        refusal={refusal}
        required
        maxLength={80}
        autoComplete="off"
      />
      <Checkbox.Group label="Scopes" defaultValue={refusal?.typed.scopes?.split("\n")} error={refusal?.fields.scopes}>
        {/* Without a checked box the field is there too, for its error. */}
        <input type="hidden" name="scopes" value="" />
        <div className={styles.choices}>
          {SCOPES.map(({ value, label, text }) => (
            <Checkbox key={value} name="scopes" value={value} label={label} description={text} />
          ))}
        </div>
      </Checkbox.Group>
      <Textarea
        name="rooms"
        label="Rooms"
        description="One per line: event:7, event:* for all events, * for all rooms. Empty: all rooms. Only an owner can let a token read channels and personal rooms."
        autosize
        minRows={2}
        maxRows={8}
        spellCheck={false}
        autoCapitalize="none"
        defaultValue={refusal?.typed.rooms}
        error={refusal?.fields.rooms}
      />
      <DurationSelect
        name="seconds"
        label="Valid for"
        durations={["day", "month", "quarter", "year"]}
        never="Until it is revoked"
        defaultValue={refusal?.typed.seconds ?? ""}
      />
      <div>
        <Submit intent="make">Create token</Submit>
      </div>
    </Form>
  );
}

function TokenRow({ token, by }: { token: ServiceToken; by: string | undefined }) {
  const { timeZone, now } = useClock();
  const at = (time: string) => formatDateTime(time, timeZone);
  const { id, name, scopes, rooms, expires_at, previous_until } = token;
  return (
    <li className={styles.item}>
      <div className={styles.what}>
        <p className={styles.name} dir="auto">
          {name}
        </p>
        <p className={styles.tags}>
          {scopes.map((scope) => (
            <span key={scope} className={styles.tag}>
              {scope}
            </span>
          ))}
        </p>
        <p className={styles.code}>{rooms.includes("*") ? "all rooms" : rooms.join(", ")}</p>
        <p className={styles.note}>
          {token.last_used_at ? `last used ${at(token.last_used_at)}` : "never used"} · created {at(token.created_at)}
          {by !== undefined && ` by ${by}`}
          {expires_at && ` · ${Date.parse(expires_at) < now ? "expired" : "expires"} ${at(expires_at)}`}
        </p>
        {previous_until && Date.parse(previous_until) > now && (
          <p className={styles.note}>The old secret is valid until {at(previous_until)}.</p>
        )}
      </div>
      <div className={styles.tools}>
        <Confirm
          label="Rotate"
          name={`Rotate the secret of ${name}`}
          intent="rotate"
          id={id}
          submitLabel="Create new secret"
        >
          <p>
            <bdi>{name}</bdi> gets a new secret. Put it into the service before the old one expires.
          </p>
          <DurationSelect name="seconds" label="The old secret expires" durations={["hour", "day", "week", "none"]} />
        </Confirm>
        <ActionMenu label={`Manage ${name}`} id={id} intents={["revoke"]}>
          <Confirm label="Revoke" name={`Revoke ${name}`} intent="revoke" id={id} submitLabel="Revoke" danger>
            <p>
              <bdi>{name}</bdi> is refused from now on, on all nodes, and its sockets close. This cannot be undone.
            </p>
          </Confirm>
        </ActionMenu>
      </div>
    </li>
  );
}
