import { Radio } from "@mantine/core";
import { type ActionFunctionArgs, Form, useActionData, useLoaderData } from "react-router";
import { createApiClient } from "../server/api-client.ts";
import { attempt, field } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import formStyles from "../ui/form.module.css";
import { Field, FormError, Submit } from "../ui/form.tsx";
import { DocumentTitle, PageBody, PageHeader } from "../ui/page-layout.tsx";

/** A key for the form: sent twice, it makes one channel. */
export function loader() {
  return { key: crypto.randomUUID() };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    const type = form.get("type") === "private" ? "private" : "public";
    const channel = await createApiClient(request).rest.channels.create(
      { type, name: field(form, "name") ?? "", topic: field(form, "topic") },
      field(form, "key"),
    );
    return redirect(`/channels/${channel.id}`);
  });
}

export default function ChannelNew() {
  const { key } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  return (
    <>
      <DocumentTitle>Create a channel</DocumentTitle>
      <PageHeader title="Create a channel" />
      <PageBody>
        <Form method="post" className={formStyles.form}>
          <FormError refusal={refusal} />
          <input type="hidden" name="key" value={key} />
          <Field
            name="name"
            label="Name"
            description="For example “front of house”."
            refusal={refusal}
            required
            maxLength={80}
            autoComplete="off"
            autoFocus
          />
          <Field
            name="topic"
            label="Topic"
            description="Optional. What this channel is about."
            refusal={refusal}
            maxLength={250}
            autoComplete="off"
          />
          <Radio.Group name="type" label="Who can find it" defaultValue={refusal?.typed.type ?? "public"}>
            <div className={formStyles.choices}>
              <Radio value="public" label="Everyone on this server can find and join it" />
              <Radio value="private" label="Only people who are added to it" />
            </div>
          </Radio.Group>
          <div>
            <Submit>Create the channel</Submit>
          </div>
        </Form>
      </PageBody>
    </>
  );
}
