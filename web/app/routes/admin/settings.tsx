import { NativeSelect, TextInput } from "@mantine/core";
import { type ActionFunctionArgs, type LoaderFunctionArgs, useLoaderData } from "react-router";
import type { Setting } from "../../../../sdk/admin.ts";
import { getRefusal, useActionResult } from "../../admin/action-result.ts";
import styles from "../../admin/admin.module.css";
import { ActionButton, ActionMenu, ActionStatus, Collapsible, Confirm } from "../../admin/controls.tsx";
import { formatNumber } from "../../admin/format.ts";
import { groupSettings, settingTitle } from "../../admin/setting-groups.ts";
import { Table } from "../../admin/table.tsx";
import { useChat } from "../../chat/chat-context.tsx";
import { useClock } from "../../chat/clock.tsx";
import { formatDateTime } from "../../chat/time.ts";
import { lookUp } from "../../look-up.ts";
import { load } from "../../server/api-client.ts";
import { raw } from "../../server/forms.ts";
import { runAction } from "../../server/run-action.ts";
import { readUsernames } from "../../server/usernames.ts";

export async function loader({ request }: LoaderFunctionArgs) {
  return load(request, async ({ rest }) => {
    const { data: settings } = await rest.admin.settings();
    const names = await readUsernames(
      rest,
      settings.flatMap(({ set_by }) => set_by ?? []),
    );
    return { settings, names };
  });
}

export async function action({ request }: ActionFunctionArgs) {
  return runAction(request, {
    async change({ rest, form, id }) {
      const { data } = await rest.admin.changeSettings({ [id]: raw(form, id).trim() });
      const now = data.find(({ name }) => name === id)?.value;
      return `${settingTitle(id)} is now ${now ?? "not set"} on all nodes.`;
    },
    async reset({ rest, id }) {
      await rest.admin.changeSettings({ [id]: null });
      return `${settingTitle(id)} is reset to its value in the environment of each node.`;
    },
  });
}

/** The options of this server: those that can be changed while it runs, and the values of the others. */
export default function Settings() {
  const { settings, names } = useLoaderData<typeof loader>();
  const changeable = settings.filter(({ change }) => change === "now");
  const fixed = settings.filter(({ change }) => change !== "now");
  return (
    <>
      <ActionStatus />
      <p className={styles.lead}>
        A change here takes effect on all nodes within a second, is kept after a restart, and overrides the environment.
      </p>
      {groupSettings(changeable).map(({ title, settings }) => (
        <section key={title} className={styles.part}>
          <h2>{title}</h2>
          <ul className={styles.list}>
            {settings.map((setting) => (
              <SettingRow key={setting.name} setting={setting} by={lookUp(names, setting.set_by ?? "")} />
            ))}
          </ul>
        </section>
      ))}
      <section className={styles.part}>
        <h2>Set in the environment</h2>
        <p className={styles.lead}>These can be read here, and changed only where the server is started.</p>
        {groupSettings(fixed).map(({ title, settings }) => (
          <Collapsible key={title} title={title} open={false}>
            <FixedTable title={title} settings={settings} />
          </Collapsible>
        ))}
      </section>
    </>
  );
}

function SettingRow({ setting, by }: { setting: Setting; by: string | undefined }) {
  const { timeZone } = useClock();
  const { name, value, help, set_at } = setting;
  const origin = getOrigin(setting);
  const { me } = useChat();
  const canChange = me.role === "owner" || !setting.owners_only;
  return (
    <li className={styles.item} id={name} tabIndex={-1}>
      <div className={styles.what}>
        <p className={styles.tags}>
          <span className={styles.name}>{settingTitle(name)}</span>
          <span className={styles.tag} data-kind={origin === "changed here" ? "warn" : undefined}>
            {origin}
          </span>
        </p>
        <p className={styles.code}>{formatValue(value)}</p>
        <p className={styles.note}>
          {help} <span className={styles.small}>{name}</span>
        </p>
        {!canChange && <p className={styles.note}>Only an owner can change this.</p>}
        {set_at && (
          <p className={styles.note}>
            {by === undefined ? "set" : `${by} set it`} on {formatDateTime(set_at, timeZone)}
          </p>
        )}
      </div>
      {canChange && (
        <div className={styles.tools}>
          <Confirm label="Change" name={`Change ${name}`} intent="change" id={name} submitLabel="Save">
            <ValueField setting={setting} />
          </Confirm>
          {set_at && (
            <ActionMenu label={`More for ${name}`} id={name} intents={["reset"]}>
              <ActionButton intent="reset" id={name} label="Reset to the environment" name={`Reset ${name}`} />
            </ActionMenu>
          )}
        </div>
      )}
    </li>
  );
}

/** Large numbers in groups of three digits: 10,737,418,240. */
function formatValue(value: string | null): string {
  if (value === null || value === "") return "not set";
  return /^\d+$/.test(value) ? formatNumber(Number(value)) : value;
}

function ValueField({ setting: { name, value, default: byDefault, choices } }: { setting: Setting }) {
  const refusal = getRefusal(useActionResult(), "change", name);
  const field = {
    name,
    label: settingTitle(name),
    description: byDefault === null || byDefault === "" ? undefined : `Default: ${byDefault}`,
    defaultValue: refusal?.typed[name] ?? value ?? "",
    error: refusal?.fields[name],
  };
  if (choices !== null) return <NativeSelect {...field} data={choices} />;
  return <TextInput {...field} autoComplete="off" autoCapitalize="none" spellCheck={false} />;
}

function FixedTable({ title, settings }: { title: string; settings: readonly Setting[] }) {
  return (
    <Table
      label={title}
      rows={settings}
      rowKey={({ name }) => name}
      columns={[
        {
          name: "Setting",
          kind: "name",
          cell: ({ name, help }) => (
            <>
              <p>{help}</p>
              <p className={styles.small}>{name}</p>
            </>
          ),
        },
        {
          name: "Value",
          cell: ({ value, secret }) => (
            <span className={secret || value === null ? styles.note : styles.code}>
              {secret ? "not shown" : formatValue(value)}
            </span>
          ),
        },
        {
          name: "To change it",
          cell: ({ change }) => (change === "reload" ? "environment, then SIGHUP" : "environment, then restart"),
        },
      ]}
    />
  );
}

function getOrigin({ set_at, value, default: byDefault }: Setting): "changed here" | "default" | "environment" {
  if (set_at !== null) return "changed here";
  return value === byDefault || (!value && !byDefault) ? "default" : "environment";
}
