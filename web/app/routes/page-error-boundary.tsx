import { Outlet } from "react-router";
import { ErrorPage } from "../ui/error-page.tsx";

/** The page beside the sidebar. Errors of a page are shown here, and the channels stay visible. */
export default function PageErrorBoundary() {
  return <Outlet />;
}

export function ErrorBoundary({ error }: { error: unknown }) {
  return <ErrorPage error={error} within="layout" />;
}
