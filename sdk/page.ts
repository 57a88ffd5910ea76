/** A page of a list. `next` goes back in as `after`, `prev` as `before`; null at the end. */
export interface Page<T> {
  data: T[];
  next: string | null;
  prev: string | null;
}

/** Which part of a list is asked for. */
export interface Paging {
  before?: string | null;
  after?: string | null;
  around?: string | null;
  limit?: number;
}

/** Lists that are read from the newest on. */
export type Newest = Pick<Paging, "after" | "limit">;
