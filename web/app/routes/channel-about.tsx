import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { type ActionFunctionArgs, Form, useActionData } from "react-router";
import { useChannelContext } from "../chat/channel-context.ts";
import { channelTitle } from "../chat/channel-list-store.ts";
import { useClock } from "../chat/clock.tsx";
import { formatDateTime } from "../chat/time.ts";
import { createApiClient } from "../server/api-client.ts";
import { attempt, field, raw } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import formStyles from "../ui/form.module.css";
import { Field, FormError, Submit } from "../ui/form.tsx";
import listStyles from "../ui/lists.module.css";
import styles from "./panel.module.css";
import { Panel } from "./panel.tsx";

export async function action({ request, params }: ActionFunctionArgs) {
  const form = await request.formData();
  const { channels, members } = createApiClient(request).rest;
  const channelId = params.channelId ?? "";
  return attempt(form, async () => {
    const intent = raw(form, "intent");
    if (intent === "save") {
      await channels.update(channelId, { name: field(form, "name"), topic: field(form, "topic") ?? null });
      return null;
    }
    if (intent === "leave") await members.remove(channelId);
    if (intent === "delete") await channels.delete(channelId);
    return redirect("/channels");
  });
}

/** Name and topic of the channel, leaving and deleting it. */
export default function ChannelAbout() {
  const { channel } = useChannelContext();
  const refusal = useActionData<typeof action>() ?? undefined;
  const { timeZone } = useClock();
  const canEdit = channel.role === "owner" || channel.role === "admin";
  return (
    <Panel title="About this channel">
      <FormError refusal={refusal} />
      {canEdit ? (
        <Form method="post" className={formStyles.form} key={`${channel.name} ${channel.topic}`}>
          <Field
            name="name"
            label="Name"
            defaultValue={channelTitle(channel)}
            refusal={refusal}
            required
            maxLength={80}
            autoComplete="off"
          />
          <Field
            name="topic"
            label="Topic"
            description="What this channel is about."
            defaultValue={channel.topic ?? ""}
            refusal={refusal}
            maxLength={250}
            autoComplete="off"
          />
          <Submit intent="save">Save</Submit>
        </Form>
      ) : (
        <p dir="auto">{channel.topic ?? "This channel has no topic."}</p>
      )}
      <p className={listStyles.note}>
        {channel.type === "public" ? "Everyone on this server can find and join it." : "Only its members can find it."}{" "}
        Created {formatDateTime(channel.created_at, timeZone)}.
      </p>
      {channel.type === "public" ? (
        <Form method="post">
          <Button type="submit" name="intent" value="leave" variant="default" fullWidth>
            Leave the channel
          </Button>
        </Form>
      ) : (
        <Question label="Leave the channel">
          <p className={listStyles.note}>
            This channel is private: you can come back only when a member adds you again.
          </p>
          <Submit intent="leave" danger>
            Leave <bdi>#{channelTitle(channel)}</bdi>
          </Submit>
        </Question>
      )}
      {channel.role === "owner" && (
        <Question label="Delete the channel">
          <p className={listStyles.note}>
            The channel and all its messages are deleted for everyone. This cannot be undone.
          </p>
          <Submit intent="delete" danger>
            Delete <bdi>#{channelTitle(channel)}</bdi> permanently
          </Submit>
        </Question>
      )}
    </Panel>
  );
}

/** Asks for confirmation of what cannot be undone. Works without scripts. */
function Question({ label, children }: { label: string; children: ReactNode }) {
  return (
    <details name="question" className={styles.question} data-dismiss>
      <summary>{label}</summary>
      <Form method="post" className={formStyles.form}>
        {children}
      </Form>
    </details>
  );
}
