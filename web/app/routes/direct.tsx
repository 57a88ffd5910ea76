import { Button } from "@mantine/core";
import { type ActionFunctionArgs, Form, type LoaderFunctionArgs, useActionData, useLoaderData } from "react-router";
import { useChat } from "../chat/chat-context.tsx";
import { createApiClient, load } from "../server/api-client.ts";
import { attempt, raw } from "../server/forms.ts";
import { redirect } from "../server/redirect.ts";
import { FormError } from "../ui/form.tsx";
import { DocumentTitle, PageBody, PageHeader } from "../ui/page-layout.tsx";
import { PeopleSearch } from "../ui/people-search.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const q = new URL(request.url).searchParams.get("q")?.trim() || null;
  const people = await load(request, ({ rest }) => rest.users.list({ q: q ?? undefined, limit: 20 }));
  return { q, found: people.data };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    const channel = await createApiClient(request).rest.channels.create({
      type: "direct",
      member_ids: [raw(form, "user_id")],
    });
    return redirect(`/channels/${channel.id}`);
  });
}

export default function Direct() {
  const { q, found } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  const { channelList } = useChat();
  return (
    <>
      <DocumentTitle>New message</DocumentTitle>
      <PageHeader title="New message" subtitle="Only the two of you can read it" />
      <PageBody>
        <div>
          <FormError refusal={refusal} />
          <PeopleSearch
            q={q}
            empty="No one else is here yet."
            found={found.filter(({ id }) => id !== channelList.userId)}
            renderAction={(person) => (
              <Form method="post">
                <input type="hidden" name="user_id" value={person.id} />
                <Button type="submit" size="compact-sm" variant="light" aria-label={`Message ${person.username}`}>
                  Message
                </Button>
              </Form>
            )}
          />
        </div>
      </PageBody>
    </>
  );
}
