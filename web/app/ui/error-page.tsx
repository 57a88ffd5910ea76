import { isRouteErrorResponse, Link, useLocation } from "react-router";
import styles from "./error-page.module.css";

/** An error as the router throws it. */
export const NOT_FOUND = { status: 404, statusText: "", internal: false, data: null };

/** What a visitor sees when a page cannot be shown: what happened, and where to go. */
export function ErrorPage({ error, within = "page" }: { error: unknown; within?: "page" | "layout" | "section" }) {
  const { status, title, text } = describe(error);
  const here = useLocation();
  // The signed-in layout has its `main` already, and a section has its heading and title, too.
  const Box = within === "page" ? "main" : "div";
  const Title = within === "section" ? "h2" : "h1";
  return (
    <Box className={styles.page}>
      {within !== "section" && <title>{`${title} · Usher`}</title>}
      <p className={styles.status}>{status}</p>
      <Title className={styles.title}>{title}</Title>
      <p className={styles.text}>{text}</p>
      <div className={styles.ways}>
        <Link to="/channels">Go to your channels</Link>
        {isRetryable(status) && (
          <Link to={here} reloadDocument>
            Try again
          </Link>
        )}
      </div>
    </Box>
  );
}

/** Whether the same page may work later without a change. */
function isRetryable(status: number | null): boolean {
  return status === null || status >= 500 || status === 429;
}

function describe(error: unknown): { status: number | null; title: string; text: string } {
  if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) {
    return {
      status: null,
      title: "No connection to the server",
      text: "Your text is kept. Try again when you are online.",
    };
  }
  if (!isRouteErrorResponse(error)) {
    return {
      status: 500,
      title: "Something went wrong",
      text: "This is a server error, and it has been logged. Trying again may help.",
    };
  }
  if (error.status === 400 || error.status === 422) {
    return {
      status: error.status,
      title: "This address is not valid",
      text: "A part of it is wrong. Check the link that brought you here.",
    };
  }
  if (error.status === 404) {
    return {
      status: 404,
      title: "Page not found",
      text: "This page does not exist, was removed, or you have no access to it.",
    };
  }
  if (error.status === 403) {
    return { status: 403, title: "No access", text: getMessage(error.data) ?? "You have no access to this page." };
  }
  if (error.status === 429) {
    return {
      status: 429,
      title: "Too many requests",
      text: "You opened many pages in a short time. Wait a moment, then try again.",
    };
  }
  return {
    status: error.status,
    title: error.status === 503 ? "Usher is not ready" : "Something went wrong",
    text: getMessage(error.data) ?? "Trying again in a moment may help.",
  };
}

function getMessage(data: unknown): string | null {
  return typeof data === "object" && data !== null && "message" in data && typeof data.message === "string"
    ? data.message
    : null;
}
