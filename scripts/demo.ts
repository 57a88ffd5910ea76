import { type Chat, createChat } from "../src/chat/index.ts";
import { StartError } from "../src/config/start-error.ts";
import { emailKey, nameSearchKey, toUsernameColumns, usernameKey } from "../src/identity/names.ts";
import { insertUser } from "../src/identity/store/users.ts";
import type { UserCaller } from "../src/platform/caller.ts";
import { createIds } from "../src/platform/nodes/ids.ts";
import { leaseNode } from "../src/platform/nodes/lease.ts";
import { createPasswords } from "../src/platform/password.ts";
import type { Sql } from "../src/platform/postgres/sql.ts";
import { createTransaction } from "../src/platform/postgres/transaction.ts";
import { nameKey } from "../src/platform/search-key.ts";
import { type Seeded, seeded } from "../tests/support/seeded.ts";
import { CHANNELS, FIRST_NAMES, LAST_NAMES, OPENINGS, QUESTIONS, REMARKS, REPLIES } from "./demo-words.ts";

export const DEMO_PASSWORD = "usher-demo-password";
const MESSAGES = 5_000;
const DAYS = 14;
const BATCH_SIZE = 250;

/** A person of the demo; the name is what others see. */
type Person = UserCaller & { name: string };

interface Room {
  id: string;
  members: Person[];
  /** Ids of the newest messages, for replies. */
  recent: string[];
}

/**
 * Fills a migrated database with 50 people, 12 channels and 5,000 messages of the last two weeks, through the same use
 * cases as real users, so that the log, the heads and the unread counts are true. None of the people is the owner.
 *
 * @returns false when the demo is there already: nothing is done
 * @throws StartError before anything is written, when a name is taken
 */
export async function seedDemo(sql: Sql): Promise<boolean> {
  if (await isSeeded(sql)) return false;
  await checkNames(sql);
  const random = seeded(1);
  const clock = new PastClock();
  await sql`SELECT log_make_partitions(7)`;
  const lease = await leaseNode({ sql, onError: console.error });
  try {
    const ids = createIds({ lease, clock });
    const people = await makePeople(sql, ids);
    const users = new Map(people.map(({ userId, username, name }) => [userId, { id: userId, username, name }]));
    const chat = createChat({
      sql,
      postSql: sql,
      ids,
      transaction: createTransaction({ sql, ids, publish: () => {} }),
      publish: () => {},
      realtime: { publishEphemeral() {}, registerRooms() {}, registerCommand() {} },
      users: { get: (wanted) => Promise.resolve(new Map([...users].filter(([id]) => wanted.includes(id)))) },
      epoch: () => "",
    });
    const rooms = await makeChannels(chat, people, random);
    for (let posted = 0; posted < MESSAGES; posted += BATCH_SIZE) {
      const batch = Array.from({ length: BATCH_SIZE }, () => {
        clock.advance((random.next() * 2 * DAYS * 86_400_000) / MESSAGES);
        return postMessage(chat, pick(rooms, random), random);
      });
      await Promise.all(batch);
    }
    await dateByIds(sql, rooms);
    await readSome(chat, rooms, random);
  } finally {
    await lease.stop();
  }
  return true;
}

/** Whether all of it is there. It is made in order, and its messages come last. */
async function isSeeded(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ messages: number }[]>`
    SELECT count(*)::int AS messages FROM messages m JOIN users u ON u.id = m.author_id WHERE u.email LIKE ${`%@${DOMAIN}`}`;
  return row!.messages >= MESSAGES;
}

async function checkNames(sql: Sql): Promise<void> {
  const people = FIRST_NAMES.map((_, n) => usernameKey(toUsername(getName(n))));
  const [person] = await sql<{ username: string }[]>`
    SELECT username FROM users WHERE username_key = ANY (${people}::text[]) LIMIT 1`;
  if (person) {
    throw new StartError(
      `An account named "${person.username}" exists, but not the whole demo: was a seeding interrupted? Nothing was changed. ` +
        "The demo is for a new database: set DATA_DIR to an empty folder, or DATABASE_URL to an empty database.",
    );
  }
  const keys = CHANNELS.filter(({ type }) => type === "public").map(({ name }) => nameKey(name));
  const taken = await sql<{ name: string }[]>`
    SELECT name FROM channels
    WHERE type = 'public' AND deleted_at IS NULL AND coalesce(name_key, lower(name)) = ANY (${keys}::text[]) ORDER BY name`;
  if (taken.length > 0) {
    throw new StartError(
      `The demo creates channels, and some of their names exist already: ${taken.map(({ name }) => name).join(", ")}. ` +
        "Nothing was changed. Rename or delete them, or seed a new database: set DATA_DIR to an empty folder.",
    );
  }
}

const DOMAIN = "demo.example";

function getName(n: number): string {
  return `${FIRST_NAMES[n]} ${LAST_NAMES[n % LAST_NAMES.length]}`;
}

/** Both names: the visitor's own account is likely to be called by a first name. */
function toUsername(name: string): string {
  return name.toLowerCase().replace(" ", ".");
}

/** Starts two weeks ago and advances on request, never past the present: ids made by it carry those times. */
class PastClock {
  #now = Date.now() - DAYS * 86_400_000;

  now(): number {
    return Math.floor(this.#now);
  }

  advance(ms: number): void {
    this.#now = Math.min(this.#now + ms, Date.now());
  }
}

async function makePeople(sql: Sql, ids: { next(): string }): Promise<Person[]> {
  const password_hash = await createPasswords().hash(DEMO_PASSWORD);
  const people = FIRST_NAMES.map((_, n): Person => {
    const name = getName(n);
    const username = toUsername(name);
    return { kind: "user", userId: ids.next(), username, name, role: "member", sessionId: null, expiresAt: null };
  });
  await sql.begin(async (tx) => {
    for (const [n, { userId, username, name }] of people.entries()) {
      await insertUser(tx, {
        id: userId,
        ...toUsernameColumns(username),
        name,
        name_search_key: nameSearchKey(name),
        email: emailKey(`${username}@${DOMAIN}`),
        // Numbers that are reserved for films.
        phone: `+1202555${String(100 + n).padStart(4, "0")}`,
        role: "member",
        password_hash,
      });
    }
  });
  return people;
}

async function makeChannels(chat: Chat, people: Person[], random: Seeded): Promise<Room[]> {
  const rooms: Room[] = [];
  for (const { name, type, topic, share } of CHANNELS) {
    const owner = people[rooms.length]!;
    const members = people.filter((person) => person === owner || random.chance(share));
    const member_ids = members.map(({ userId }) => userId);
    const { channel } = await chat.channels.create(owner, { type, name, topic, member_ids });
    rooms.push({ id: channel.id, members, recent: [] });
  }
  return rooms;
}

async function postMessage(chat: Chat, room: Room, random: Seeded): Promise<void> {
  const reply = room.recent.length > 0 && random.chance(0.25);
  const question = `${pick(OPENINGS, random)} ${pick(QUESTIONS, random)}`;
  const content = reply ? pick(REPLIES, random) : random.chance(0.4) ? question : pick(REMARKS, random);
  const { message } = await chat.sendMessage(pick(room.members, random), {
    channel_id: room.id,
    content,
    ...(reply ? { reply_to_id: pick(room.recent, random) } : {}),
  });
  room.recent = [...room.recent.slice(-9), message.id];
}

/** New rows are dated by the database's clock. Dates come from the ids instead; the log's payloads follow. */
async function dateByIds(sql: Sql, rooms: Room[]): Promise<void> {
  await sql`
    WITH dated AS (
      UPDATE messages SET created_at = to_timestamp(((id >> 22) + 1288834974657) / 1000.0)
      WHERE channel_id = ANY (${rooms.map(({ id }) => id)}::bigint[])
      RETURNING channel_id, seq, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at
    )
    UPDATE log SET payload = (log.payload::jsonb || jsonb_build_object('created_at', dated.at))::text
    FROM dated WHERE log.room_id = dated.channel_id AND log.seq = dated.seq`;
}

/** Two thirds have read everything in a channel, the others stopped somewhere among the newest. */
async function readSome(chat: Chat, rooms: Room[], random: Seeded): Promise<void> {
  for (const { id, members, recent } of rooms) {
    await Promise.all(
      members.map((member) =>
        chat.readMarks.mark(member, id, random.chance(0.67) ? recent.at(-1)! : pick(recent, random)),
      ),
    );
  }
}

function pick<T>(items: readonly T[], random: Seeded): T {
  return items[random.int(0, items.length - 1)]!;
}
