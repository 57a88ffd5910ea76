import { Button } from "@mantine/core";
import {
  type ActionFunctionArgs,
  data,
  Form,
  Link,
  type LoaderFunctionArgs,
  useActionData,
  useLoaderData,
} from "react-router";
import type { Me } from "../../../protocol/objects.ts";
import type { Session } from "../../../sdk/rest.ts";
import { useClock } from "../chat/clock.tsx";
import { formatDateTime } from "../chat/time.ts";
import { lookUp } from "../look-up.ts";
import { createApiClient, load } from "../server/api-client.ts";
import { attempt, field, type Refusal, raw } from "../server/forms.ts";
import { ColorSchemeSelect } from "../ui/color-scheme-select.tsx";
import formStyles from "../ui/form.module.css";
import { Field, FormError, PasswordField, Submit } from "../ui/form.tsx";
import listStyles from "../ui/lists.module.css";
import { DocumentTitle, PageBody, PageHeader, PageSection } from "../ui/page-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, async ({ rest }) => {
    const [me, sessions] = await Promise.all([rest.users.me(), rest.auth.sessions()]);
    return { me, sessions };
  });
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  const { rest, cookies } = createApiClient(request);
  const intent = raw(form, "intent");
  const refused = await attempt(form, async () => {
    if (intent === "profile")
      await rest.users.updateMe({ name: field(form, "name") ?? null, username: field(form, "username") });
    if (intent === "password")
      await rest.users.changePassword(raw(form, "current_password"), raw(form, "new_password"));
    if (intent === "end-session") await rest.auth.revokeSession(raw(form, "session_id"));
    if (intent === "end-others") await rest.auth.revokeOtherSessions();
    return null;
  });
  if (refused) return data({ intent, refusal: refused.data, done: null }, refused.init ?? undefined);
  return data({ intent, refusal: null, done: lookUp(DONE, intent) ?? null }, { headers: cookies });
}

const DONE: Record<string, string> = {
  profile: "Saved.",
  password: "Password changed. You are signed out on all other devices.",
};

export default function Settings() {
  const { me, sessions } = useLoaderData<typeof loader>();
  const result = useActionData<typeof action>();
  const getRefusal = (intent: string): Refusal | undefined =>
    result?.intent === intent ? (result.refusal ?? undefined) : undefined;
  const renderDone = (intent: string) => (result?.intent === intent && result.done ? <Done>{result.done}</Done> : null);
  return (
    <>
      <DocumentTitle>Settings</DocumentTitle>
      <PageHeader title="Settings">
        <Form method="post" action="/logout" reloadDocument>
          <Button type="submit" variant="default" size="compact-sm">
            Sign out
          </Button>
        </Form>
      </PageHeader>
      <PageBody>
        <PageSection title="Profile">
          <Profile me={me} refusal={getRefusal("profile")} />
          {renderDone("profile")}
        </PageSection>
        <PageSection title="Appearance">
          <div className={formStyles.short}>
            <ColorSchemeSelect />
          </div>
        </PageSection>
        <PageSection title="Password" lead="Changing it signs you out on all other devices.">
          {/* Emptied once it is done. */}
          <PasswordChange key={renderDone("password") ? "done" : "open"} refusal={getRefusal("password")} />
          {renderDone("password")}
        </PageSection>
        <PageSection title="Signed-in devices">
          <FormError refusal={getRefusal("end-session") ?? getRefusal("end-others")} />
          <Sessions sessions={sessions} />
        </PageSection>
        {me.role !== "member" && (
          <div>
            <Link to="/admin">Administration of this server</Link>
          </div>
        )}
      </PageBody>
    </>
  );
}

function Done({ children }: { children: string }) {
  return (
    <p role="status" className={listStyles.note}>
      {children}
    </p>
  );
}

function Profile({ me, refusal }: { me: Me; refusal?: Refusal }) {
  return (
    <Form method="post" className={formStyles.form}>
      <FormError refusal={refusal} />
      <Field
        name="username"
        label="Username"
        defaultValue={me.username}
        refusal={refusal}
        required
        minLength={2}
        maxLength={32}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
      />
      <Field
        name="name"
        label="Name"
        description="Optional. Shown instead of the username."
        defaultValue={me.name ?? ""}
        refusal={refusal}
        maxLength={80}
        autoComplete="name"
      />
      {me.email && <p className={listStyles.note}>Your e-mail address is {me.email}.</p>}
      <div>
        <Submit intent="profile">Save</Submit>
      </div>
    </Form>
  );
}

function PasswordChange({ refusal }: { refusal?: Refusal }) {
  return (
    <Form method="post" className={formStyles.form}>
      <FormError refusal={refusal} />
      <PasswordField
        name="current_password"
        label="Current password"
        refusal={refusal}
        required
        autoComplete="current-password"
      />
      <PasswordField
        name="new_password"
        label="New password"
        description="At least 8 characters."
        refusal={refusal}
        required
        minLength={8}
        autoComplete="new-password"
      />
      <div>
        <Submit intent="password">Change password</Submit>
      </div>
    </Form>
  );
}

function Sessions({ sessions }: { sessions: Session[] }) {
  const { timeZone } = useClock();
  return (
    <>
      <ul className={listStyles.list}>
        {sessions.map((session) => (
          <li key={session.id} className={listStyles.item}>
            <div className={listStyles.what}>
              <p dir="auto">{session.device_name ?? describeDevice(session.user_agent)}</p>
              <p className={listStyles.note}>
                {session.ip && `${session.ip} · `}last active {formatDateTime(session.last_seen_at, timeZone)}
              </p>
            </div>
            {session.current ? (
              <span className={listStyles.tag}>this device</span>
            ) : (
              <Form method="post" preventScrollReset>
                <input type="hidden" name="session_id" value={session.id} />
                <Button
                  type="submit"
                  name="intent"
                  value="end-session"
                  aria-label={`Sign out ${session.device_name ?? describeDevice(session.user_agent)}`}
                  size="compact-sm"
                  variant="subtle"
                >
                  Sign out
                </Button>
              </Form>
            )}
          </li>
        ))}
      </ul>
      {sessions.length > 1 && (
        <Form method="post" preventScrollReset>
          <Button type="submit" name="intent" value="end-others" variant="default">
            Sign out on all other devices
          </Button>
        </Form>
      )}
    </>
  );
}

/** "Firefox on Linux", as far as a User-Agent shows it. */
function describeDevice(agent: string | null): string {
  const find = (names: Record<string, RegExp>) =>
    Object.entries(names).find(([, pattern]) => pattern.test(agent ?? ""))?.[0];
  const browser = find({
    Edge: /Edg\//,
    Opera: /OPR\//,
    Firefox: /Firefox\//,
    Chrome: /Chrom(e|ium)\//,
    Safari: /Safari\//,
  });
  const system = find({
    Android: /Android/,
    iPhone: /iPhone/,
    iPad: /iPad/,
    Windows: /Windows/,
    macOS: /Mac OS X/,
    Linux: /Linux/,
  });
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? "Unknown device";
}
