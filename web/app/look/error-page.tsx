import { isRouteErrorResponse, Link, useLocation } from "react-router";
import styles from "./error-page.module.css";

/** What a visitor sees when a page cannot be shown: what happened, and where to go on. */
export function ErrorPage({ error, within = "page" }: { error: unknown; within?: "page" | "house" | "frame" }) {
  const { status, title, text } = describe(error);
  const here = useLocation();
  // The house has its `main` already, and a frame within it has its heading and title, too.
  const Box = within === "page" ? "main" : "div";
  const Title = within === "frame" ? "h2" : "h1";
  return (
    <Box className={styles.page}>
      {within !== "frame" && <title>{`${title} · Usher`}</title>}
      <p className={styles.status}>{status}</p>
      <Title className={styles.title}>{title}</Title>
      <p className={styles.text}>{text}</p>
      <p className={styles.ways}>
        <Link to="/">To your channels</Link>
        {status !== 404 && (
          <Link to={here} reloadDocument>
            Try again
          </Link>
        )}
      </p>
    </Box>
  );
}

function describe(error: unknown): { status: number | null; title: string; text: string } {
  if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) {
    return {
      status: null,
      title: "The server was not reached",
      text: "What you have written is kept. Try again once you are connected.",
    };
  }
  if (!isRouteErrorResponse(error)) {
    return {
      status: 500,
      title: "Something went wrong",
      text: "The mistake is ours and has been written down. Trying again may help.",
    };
  }
  if (error.status === 404) {
    return {
      status: 404,
      title: "Nothing here",
      text: "This page does not exist, or you may not see it. It may have been removed.",
    };
  }
  if (error.status === 403) {
    return { status: 403, title: "Not for you", text: messageOf(error.data) ?? "You may not see this page." };
  }
  if (error.status === 429) {
    return {
      status: 429,
      title: "A little too fast",
      text: "You asked for many pages in a short time. Wait a moment, then try again.",
    };
  }
  return {
    status: error.status,
    title: error.status === 503 ? "Usher is not ready" : "Something went wrong",
    text: messageOf(error.data) ?? "Trying again in a moment may help.",
  };
}

function messageOf(data: unknown): string | null {
  return typeof data === "object" && data !== null && "message" in data && typeof data.message === "string"
    ? data.message
    : null;
}
