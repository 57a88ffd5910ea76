import { Button } from "@mantine/core";
import { type ActionFunctionArgs, Form, type LoaderFunctionArgs, useActionData, useLoaderData } from "react-router";
import { useHouse } from "../chat/house-context.tsx";
import { FormError } from "../look/form.tsx";
import { HouseTitle, PageBar, PageBody } from "../look/page.tsx";
import { PeopleSearch } from "../look/people-search.tsx";
import { attempt, raw } from "../server/forms.ts";
import { hubFor, load } from "../server/hub.ts";
import { redirect } from "../server/redirect.ts";

export async function loader({ request }: LoaderFunctionArgs) {
  const q = new URL(request.url).searchParams.get("q")?.trim() || null;
  const people = await load(request, ({ rest }) => rest.users.list({ q: q ?? undefined, limit: 20 }));
  return { q, found: people.data };
}

export async function action({ request }: ActionFunctionArgs) {
  const form = await request.formData();
  return attempt(form, async () => {
    const channel = await hubFor(request).rest.channels.create({ type: "direct", member_ids: [raw(form, "user_id")] });
    return redirect(`/channels/${channel.id}`);
  });
}

export default function Direct() {
  const { q, found } = useLoaderData<typeof loader>();
  const refusal = useActionData<typeof action>();
  const { house } = useHouse();
  return (
    <>
      <HouseTitle>New message</HouseTitle>
      <PageBar title="New message" below="Only the two of you can read it" />
      <PageBody>
        <div>
          <FormError refusal={refusal} />
          <PeopleSearch
            q={q}
            empty="There is nobody else here yet."
            found={found.filter(({ id }) => id !== house.myId)}
            choice={(person) => (
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
