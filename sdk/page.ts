/** A page of a list. Pass `next` as `after` or `prev` as `before` for another page; null at the end. */
export interface Page<T> {
  data: T[];
  next: string | null;
  prev: string | null;
}

/** Which part of a list to read. */
export interface Paging {
  before?: string | null;
  after?: string | null;
  around?: string | null;
  limit?: number;
}

/** Lists that are read from the newest on. */
export type Newest = Pick<Paging, "after" | "limit">;
