import { Outlet } from "react-router";
import { ErrorPage } from "../ui/error-page.tsx";

/** The page beside the sidebar. What goes wrong in a page is said here, and the channels stay at hand. */
export default function PageErrorBoundary() {
  return <Outlet />;
}

export function ErrorBoundary({ error }: { error: unknown }) {
  return <ErrorPage error={error} within="layout" />;
}
