import { Radio } from "@mantine/core";
import { type ActionFunctionArgs, Form, useActionData, useLoaderData } from "react-router";
import formStyles from "../look/form.module.css";
import { Field, FormError, Submit } from "../look/form.tsx";
import { HouseTitle, PageBar, PageBody } from "../look/page.tsx";
import { attempt, field } from "../server/forms.ts";
import { hubFor } from "../server/hub.ts";
import { redirect } from "../server/redirect.ts";

/** A key for the form: sent twice, it makes one channel. */
export function loader() {
  return { key: crypto.randomUUID() };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    const type = form.get("type") === "private" ? "private" : "public";
    const channel = await hubFor(request).rest.channels.create(
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
      <HouseTitle>Create a channel</HouseTitle>
      <PageBar title="Create a channel" />
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
              <Radio value="public" label="Everybody on this server can find and join it" />
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
