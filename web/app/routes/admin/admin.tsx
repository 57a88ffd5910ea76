import { type ReactNode, useEffect, useRef } from "react";
import {
  isRouteErrorResponse,
  type LoaderFunctionArgs,
  NavLink,
  Outlet,
  type ShouldRevalidateFunctionArgs,
  useLocation,
} from "react-router";
import styles from "../../admin/admin.module.css";
import { findSection, GROUPS, SECTIONS } from "../../admin/sections.ts";
import { load } from "../../server/api-client.ts";
import { ErrorPage } from "../../ui/error-page.tsx";
import { DocumentTitle, PageHeader } from "../../ui/page-layout.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
  const me = await load(request, ({ rest }) => rest.users.me());
  if (me.role === "member")
    throw Response.json(
      { code: "forbidden", message: "Only admins of this server can see this page." },
      { status: 403 },
    );
  return null;
}

/** The server checks the rights for every page's own requests. */
export function shouldRevalidate({ formMethod }: ShouldRevalidateFunctionArgs) {
  return formMethod !== undefined && formMethod !== "GET";
}

/** The pages for the owner and the admins of this server: a list of pages, and one of them. */
export default function Admin() {
  return (
    <AdminLayout>
      <Outlet />
    </AdminLayout>
  );
}

/** When a page cannot be shown, the list of the others stays; a user who is no admin does not see the list either. */
export function ErrorBoundary({ error }: { error: unknown }) {
  if (isRouteErrorResponse(error) && error.status === 403) return <ErrorPage error={error} within="layout" />;
  return (
    <AdminLayout>
      <ErrorPage error={error} within="section" />
    </AdminLayout>
  );
}

function AdminLayout({ children }: { children: ReactNode }) {
  const { pathname, hash } = useLocation();
  const { label } = findSection(pathname);
  const scroll = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page starts at its top, or at the part in the hash.
  useEffect(() => {
    if (hash === "") scroll.current?.scrollTo(0, 0);
    else {
      const target = document.getElementById(hash.slice(1));
      target?.scrollIntoView({ block: "center" });
      target?.focus({ preventScroll: true });
    }
  }, [pathname]);
  return (
    <>
      <DocumentTitle>{`${label} · Administration`}</DocumentTitle>
      <PageHeader title={label} subtitle="Administration" />
      <div className={styles.frame}>
        <details className={styles.menu} key={pathname}>
          <summary>All admin pages</summary>
          <Sections />
        </details>
        <div className={styles.side}>
          <Sections />
        </div>
        <div className={styles.scroll} ref={scroll}>
          <div className={styles.body}>{children}</div>
        </div>
      </div>
    </>
  );
}

function Sections() {
  return (
    <nav aria-label="Administration">
      {GROUPS.map((group) => (
        <section key={group}>
          <h2 className={styles.group}>{group}</h2>
          <ul className={styles.links}>
            {SECTIONS.filter((section) => section.group === group).map(({ path, label }) => (
              <li key={path}>
                <NavLink to={path} end={path === "/admin"}>
                  {label}
                </NavLink>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
