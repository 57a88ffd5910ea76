import { Checkbox, Textarea } from "@mantine/core";
import { Form } from "react-router";
import type { NewWebhookEndpoint, WebhookEndpoint } from "../../../sdk/admin.ts";
import { field } from "../server/forms.ts";
import { Field, FormError, Submit } from "../ui/form.tsx";
import { getRefusal, useActionResult } from "./action-result.ts";
import styles from "./admin.module.css";
import { splitWords } from "./duration-select.tsx";

/** Creates a webhook endpoint, or changes the one that is given. */
export function EndpointForm({
  endpoint,
  intent,
  submitLabel,
}: {
  endpoint?: WebhookEndpoint;
  intent: string;
  submitLabel: string;
}) {
  const id = endpoint?.id ?? "";
  const refusal = getRefusal(useActionResult(), intent, id);
  const list = (name: "event_types" | "rooms", otherwise: string) =>
    refusal?.typed[name] ?? endpoint?.[name].join("\n") ?? otherwise;
  return (
    <Form method="post" className={styles.form} preventScrollReset>
      <FormError refusal={refusal} />
      <input type="hidden" name="id" value={id} />
      <Field
        name="url"
        type="url"
        label="Address"
        description="https, and public."
        placeholder="https://example.org/usher"
        defaultValue={endpoint?.url}
        refusal={refusal}
        required
        autoComplete="off"
      />
      <Field
        name="description"
        label="Description"
        description="Optional."
        defaultValue={endpoint?.description}
        refusal={refusal}
        maxLength={200}
        autoComplete="off"
      />
      <Patterns
        name="event_types"
        label="Events"
        description="One per line: message:created, message:* for all that begin with message:, * for all."
        text={list("event_types", "*")}
        error={refusal?.fields.event_types}
      />
      <Patterns
        name="rooms"
        label="Rooms"
        description="One per line: event:7, channel:* for all channels, * for all rooms. Only an owner can name channels and personal rooms."
        text={list("rooms", "*")}
        error={refusal?.fields.rooms}
      />
      <Checkbox
        name="ordered"
        label="Keep the order"
        description="A delivery waits for earlier ones of the same room."
        defaultChecked={refusal ? refusal.typed.ordered === "on" : endpoint?.ordered}
      />
      <div>
        <Submit intent={intent}>{submitLabel}</Submit>
      </div>
    </Form>
  );
}

interface PatternsProps {
  name: string;
  label: string;
  description: string;
  text: string;
  error: string | undefined;
}

function Patterns({ text, ...props }: PatternsProps) {
  return (
    <Textarea
      {...props}
      defaultValue={text}
      required
      autosize
      minRows={2}
      maxRows={8}
      spellCheck={false}
      autoCapitalize="none"
    />
  );
}

/** The endpoint that the form describes. */
export function readEndpoint(form: FormData): NewWebhookEndpoint {
  return {
    url: field(form, "url") ?? "",
    description: field(form, "description") ?? "",
    event_types: splitWords(field(form, "event_types")),
    rooms: splitWords(field(form, "rooms")),
    ordered: form.get("ordered") === "on",
  };
}
