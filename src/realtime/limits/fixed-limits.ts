/** Missed entries of a room that are sent; a client that missed more reloads the state (SPEC RC-5). */
export const MAX_BACKLOG_ROWS = 1_000;
export const MAX_BACKLOG_BYTES = 1_048_576;

/** Bytes of backlog for one command, and for all commands of the node together; above them the reply is `recovered: false`. */
export const MAX_BACKLOG_BYTES_PER_COMMAND = 4_194_304;
export const MAX_BACKLOG_BYTES_PER_NODE = 67_108_864;

/**
 * Bytes of backlog that are in a socket's buffer at once, not counting the remainder of the last frame. Less than SLOW_BYTES: a
 * client that reads a backlog slowly, but reads it, is not slow.
 */
export const REPLAY_SLICE_BYTES = 131_072;

/** A connection with more than this many unsent bytes in two checks, a second apart, is closed as slow (SPEC SL-1). */
export const SLOW_BYTES = 262_144;
export const SLOW_CHECKS = 2;

/** So is one that reads nothing of a backlog from one check to the next, so many times in a row. */
export const STUCK_CHECKS = 10;

/** ms in which a client must reply to our close frame; then the socket is terminated. */
export const CLOSE_GRACE_MS = 5_000;

/** Commands of one connection that wait, and their bytes; commands that are accepted but not finished. */
export const MAX_QUEUED_FRAMES = 1_000;
export const MAX_QUEUED_BYTES = 1_048_576;
export const MAX_IN_FLIGHT = 1_000;

/** Values in a client's frame: a `system:resume` of 1,000 rooms has half as many. */
export const MAX_FRAME_VALUES = 8_192;

/** Frames of a room in memory, so that a join or resume close to the head reads nothing; and the maximum while a join is pending. */
export const HISTORY_SIZE = 64;
export const HISTORY_SIZE_WHILE_JOINING = 4_096;

/** Characters of those frames, for the same two cases: a few frames of 64 kB need as much memory as many small ones. */
export const HISTORY_CHARS = 262_144;
export const HISTORY_CHARS_WHILE_JOINING = 4_194_304;

/** Entries that arrived out of order; what is further ahead is read from the log later. */
export const MAX_BUFFERED = 1_000;

/** ms to wait for an entry that is missing before it is read from the log. */
export const GAP_TIMEOUT_MS = 20;

/** Minimum ms that an empty room's position stays in memory. */
export const ROOM_IDLE_MS = 30_000;

/** Rooms in one `system:resume`. */
export const MAX_RESUME_ROOMS = 1_000;
