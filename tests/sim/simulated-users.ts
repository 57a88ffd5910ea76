import { SignJWT } from "jose";
import { UsherError } from "../../sdk/errors.ts";
import { TEST_ISSUER, TEST_SECRET } from "../support/app.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import { Device, retry } from "./device.ts";

interface Person {
  id: string;
  token: string;
  devices: Device[];
  /** Where the person is a member; `busy`: joining or leaving just now. */
  channels: Map<string, "in" | "busy">;
}

export interface SimulationOptions {
  url: string;
  seed: number;
  people: number;
  channels: number;
}

/** One of so many people has a second device from the start. */
const SECOND_DEVICE = 20;
const CONCURRENCY = 25;

/** Many people in a few channels, and their actions. All choices come from one seed. */
export class SimulatedUsers {
  readonly faults: string[] = [];
  readonly counts: Record<string, number> = {};
  readonly #options: SimulationOptions;
  readonly #choice: Seeded;
  readonly #people: Person[] = [];
  readonly #channels: string[] = [];
  readonly #running = new Set<Promise<void>>();
  #made = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#choice = seeded(options.seed);
  }

  get devices(): Device[] {
    return this.#people.flatMap(({ devices }) => devices);
  }

  /** All sign in, the first ones make the channels, and each joins one or two of them. */
  async assemble(): Promise<void> {
    const { people, channels } = this.#options;
    await inBatches(people, async (n) => {
      const id = `p${n}`;
      const person: Person = { id, token: await mintToken(id), devices: [], channels: new Map() };
      this.#people[n] = person;
      await this.#addDevice(person);
      if (n % SECOND_DEVICE === 0) await this.#addDevice(person);
    });
    await inBatches(channels, async (n) => {
      const owner = this.#people[n]!;
      const { rest } = owner.devices[0]!.client;
      const { id } = await retry(() => rest.channels.create({ type: "public", name: `channel ${n}` }, `make-${n}`));
      this.#channels[n] = id;
      owner.channels.set(id, "in");
      await Promise.all(owner.devices.map((device) => device.open(id)));
    });
    const wishes = this.#people.map(() => [
      this.#anyChannel(),
      ...(this.#choice.chance(0.5) ? [this.#anyChannel()] : []),
    ]);
    await inBatches(people, async (n) => {
      for (const channel of wishes[n]!) await this.#join(this.#people[n]!, channel);
    });
  }

  /** One write: mostly a message, now and then an edit or a deletion of an own one. */
  write(): void {
    const person = this.#anyone();
    const device = this.#choice.int(0, 1) === 0 ? person.devices[0]! : person.devices.at(-1)!;
    const kind = this.#choice.next();
    const pick = this.#choice.next();
    const id = device.sent[Math.floor(pick * device.sent.length)];
    if (kind < 0.85 || id === undefined) {
      const channels = [...person.channels].filter(([, state]) => state === "in").map(([channel]) => channel);
      const channel = channels[Math.floor(pick * channels.length)];
      if (channel === undefined || device.client.outbox.items.length > 100) return;
      this.#made += 1;
      this.#count("messages");
      device.write(channel, `${person.id}-${this.#made}`);
    } else if (kind < 0.95) {
      this.#made += 1;
      this.#count("edits");
      this.#run(device.client.command("message:edit", { message_id: id, content: `edited ${this.#made}` }));
    } else {
      this.#count("deletions");
      device.sent.splice(device.sent.indexOf(id), 1);
      this.#run(device.client.command("message:delete", { message_id: id }));
    }
  }

  /** One disturbance of the peace. */
  disturb(): void {
    const person = this.#anyone();
    const device = person.devices.at(-1)!;
    const kind = this.#choice.next();
    const channel = this.#anyChannel();
    const pause = this.#choice.int(200, 3_000);
    const place = this.#choice.int(0, 1_000);
    const own = [...person.channels].filter(([, state]) => state === "in")[place % 2]?.[0];
    if (kind < 0.5) {
      this.#count("links cut");
      device.cut();
    } else if (kind < 0.65) {
      this.#count("absences");
      this.#run(away(device, pause));
    } else if (kind < 0.75) {
      if (!person.channels.has(channel)) this.#run(this.#join(person, channel));
    } else if (kind < 0.9) {
      if (own !== undefined) this.#run(this.#leaveAndReturn(person, own, pause, person));
    } else if (kind < 0.97) {
      const owner = this.#people[this.#channels.indexOf(own ?? "")];
      if (own !== undefined && owner) this.#run(this.#leaveAndReturn(person, own, pause, owner));
    } else if (kind < 0.985) {
      if (own !== undefined) this.#run(device.open(own, true));
    } else if (person.devices.length < 3) {
      this.#count("new devices");
      this.#run(this.#addDevice(person));
    }
  }

  /** Resolves when no started action is in progress any more. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Adds a device that shows all that the person is in. */
  async #addDevice(person: Person): Promise<void> {
    const place = person.devices.length;
    const device = new Device({
      url: this.#options.url,
      token: person.token,
      userId: person.id,
      who: `${person.id}/${place}`,
      seed: this.#options.seed ^ (Number(person.id.slice(1)) * 8 + place),
      fault: (what) => this.faults.push(what),
    });
    person.devices.push(device);
    await device.start();
    for (const [channel, state] of person.channels) if (state === "in") await device.open(channel);
  }

  async #join(person: Person, channel: string): Promise<void> {
    if (person.channels.has(channel)) return;
    this.#count("joins");
    person.channels.set(channel, "busy");
    // What was shown before the exit ends here: on return a page is loaded again.
    for (const device of person.devices) device.forget(channel);
    await retry(() => person.devices[0]!.client.rest.members.add(channel));
    person.channels.set(channel, "in");
    await Promise.all(person.devices.map((device) => device.open(channel)));
  }

  /** Leaves or is removed by the owner, and comes back a little later. */
  async #leaveAndReturn(person: Person, channel: string, pause: number, actor: Person): Promise<void> {
    if (this.#people[this.#channels.indexOf(channel)] === person) return; // an owner stays
    this.#count(actor === person ? "exits" : "removals");
    person.channels.set(channel, "busy");
    await retry(() => actor.devices[0]!.client.rest.members.remove(channel, actor === person ? "me" : person.id));
    await Bun.sleep(pause);
    person.channels.delete(channel);
    await this.#join(person, channel);
  }

  #run(work: Promise<unknown>): void {
    const running = work.then(ignore, (error) => {
      // A command that was cut off, or came when its writer was removed: the database decides at the end.
      const allowed = error instanceof UsherError && (error.retry || ["forbidden", "not_found"].includes(error.code));
      if (!allowed) this.faults.push(String(error));
    });
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  #anyone(): Person {
    return this.#people[this.#choice.int(0, this.#people.length - 1)]!;
  }

  #anyChannel(): string {
    return this.#channels[this.#choice.int(0, this.#channels.length - 1)]!;
  }
}

async function away(device: Device, ms: number): Promise<void> {
  device.client.close();
  await Bun.sleep(ms);
  device.client.connect();
}

/** A token of another issuer: a person is created at the first request, and no password has to be hashed a thousand times. */
function mintToken(id: string): Promise<string> {
  return new SignJWT({ preferred_username: `name-${id}` })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(id)
    .setIssuer(TEST_ISSUER)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(TEST_SECRET));
}

/** Runs `work` for 0 … count − 1, a few at a time. */
async function inBatches(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

function ignore(): void {}
