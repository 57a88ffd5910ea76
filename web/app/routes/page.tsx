import { Outlet } from "react-router";
import { ErrorPage } from "../look/error-page.tsx";

/** The place beside the rail. What goes wrong in a page is said here, and the channels stay at hand. */
export default function Page() {
  return <Outlet />;
}

export function ErrorBoundary({ error }: { error: unknown }) {
  return <ErrorPage error={error} within="house" />;
}
