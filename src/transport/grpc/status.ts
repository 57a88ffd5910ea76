import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { CODES } from "../../../protocol/codes.ts";
import type { AppError, FieldError } from "../../platform/errors.ts";

/**
 * An error as gRPC returns it: the status and the message; and in `grpc-status-details-bin` a google.rpc.Status with what programs
 * can read: an ErrorInfo whose `reason` is our code, which fields are wrong (BadRequest), when to try again (RetryInfo).
 */
export function grpcError(error: AppError): ServiceError {
  const { grpc } = CODES[error.code];
  const wait = error.extra.retry_after;
  const details = [
    any("ErrorInfo", Buffer.concat([text(1, error.code), text(2, "usher")])),
    ...(error.errors.length > 0 ? [any("BadRequest", Buffer.concat(error.errors.map(violation)))] : []),
    ...(typeof wait === "number" ? [any("RetryInfo", bytes(1, varint(1, Math.ceil(wait))))] : []),
  ];
  const message = formatMessage(error);
  const metadata = new Metadata();
  metadata.set(
    "grpc-status-details-bin",
    Buffer.concat([varint(1, grpc), text(2, message), ...details.map((one) => bytes(3, one))]),
  );
  return Object.assign(new Error(message), { code: grpc as status, details: message, metadata });
}

/** The name of a status, as in the metrics. */
export function statusName(code: number): string {
  return status[code] ?? "UNKNOWN";
}

/** With the fields in it, for clients that print only the message. */
function formatMessage({ message, errors }: AppError): string {
  return [message, ...errors.map((one) => `${fieldName(one)}: ${one.message}`)].join(" ");
}

/** `/seat_numbers/0` → `seat_numbers[0]`. */
function fieldName({ pointer }: FieldError): string {
  const parts = pointer.split("/").slice(1);
  return parts.map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : (index ? "." : "") + part)).join("");
}

function violation(error: FieldError): Buffer {
  return bytes(
    1,
    Buffer.concat([text(1, fieldName(error)), text(2, error.message), text(3, error.code.toUpperCase())]),
  );
}

function any(type: string, value: Buffer): Buffer {
  return Buffer.concat([text(1, `type.googleapis.com/google.rpc.${type}`), bytes(2, value)]);
}

// The encoding of protocol buffers: a field's number and kind, then a varint, or a length and that many bytes.

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...digits(value.length)]), value]);
}

function varint(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...digits(value)]);
}

/** Seven bits a byte, the lowest first; all but the last with the high bit. */
function digits(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...digits(Math.floor(value / 128))];
}
