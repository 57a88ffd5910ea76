// Made by "npm run generate" from protocol/proto.

export interface BroadcastEventRequest {
  event_type: string;
  room: string;
  payload: string;
  exclude_sender: boolean;
  sender_user_id: string;
  ephemeral: boolean;
}

export interface BroadcastEventResponse {
  recipients: number;
  partial: boolean;
}

export interface GenerateTokenRequest {
  email: string;
}

export interface GenerateTokenResponse {
  token: string;
  expires_in_seconds: number;
}

export interface GetConnectionStatsRequest {
  room: string;
}

export interface GetConnectionStatsResponse {
  total: number;
  authenticated: number;
  anonymous: number;
  connections_per_room: Record<string, number>;
  uptime_seconds: number;
  messages_sent_total: number;
  messages_received_total: number;
  partial: boolean;
}

export interface NotifyBookingResultRequest {
  user_id: string;
  booking_id: string;
  success: boolean;
  message: string;
  booking_reference: string;
  event_id: string;
  seat_numbers: string[];
  total_amount: string;
  currency: string;
  ephemeral: boolean;
}

export interface NotifyBookingResultResponse {
  delivered: boolean;
  active_connections: number;
  stored: boolean;
  partial: boolean;
}

export interface NotifyPaymentStatusRequest {
  user_id: string;
  booking_id: string;
  payment_id: string;
  status: PaymentStatus;
  message: string;
  amount: string;
  currency: string;
  ephemeral: boolean;
}

export interface NotifyPaymentStatusResponse {
  delivered: boolean;
  stored: boolean;
  partial: boolean;
}

export interface NotifyQueuePositionRequest {
  user_id: string;
  event_id: string;
  position: number;
  estimated_wait_seconds: number;
  total_in_queue: number;
}

export interface NotifyQueuePositionResponse {
  delivered: boolean;
  partial: boolean;
}

export interface RefreshRequest {
  refresh_token: string;
}

export interface RefreshResponse {
  access_token: string;
  refresh_token: string;
  expires_in_seconds: number;
}

export interface RoomPosition {
  room: string;
  seq?: number;
  epoch: string;
}

export interface SendToUserRequest {
  user_id: string;
  event_type: string;
  payload: string;
  require_ack: boolean;
  ephemeral: boolean;
}

export interface SendToUserResponse {
  delivered: boolean;
  connections_notified: number;
  acked: boolean;
  stored: boolean;
  partial: boolean;
}

export interface Session {
  user_id: string;
  username: string;
  access_token: string;
  refresh_token: string;
  expires_in_seconds: number;
}

export interface SignInRequest {
  email: string;
  username: string;
  password: string;
  device_name: string;
}

export interface SignInResponse {
  session: Session;
}

export interface SignOutRequest {
  access_token: string;
}

export interface SignUpRequest {
  email: string;
  username: string;
  password: string;
  name: string;
  phone: string;
  invite_code: string;
  setup_code: string;
}

export interface SignUpResponse {
  session: Session;
}

export interface SubscribeRequest {
  rooms: RoomPosition[];
}

export interface SubscribeResponse {
  type: string;
  room: string;
  seq: number;
  payload: string;
  epoch: string;
}

export interface ValidateTokenRequest {
  token: string;
}

export interface ValidateTokenResponse {
  user_id: string;
  username: string;
  role: string;
}

export type PaymentStatus =
  | "PAYMENT_STATUS_UNSPECIFIED"
  | "PAYMENT_STATUS_PROCESSING"
  | "PAYMENT_STATUS_SUCCESS"
  | "PAYMENT_STATUS_FAILED"
  | "PAYMENT_STATUS_REFUNDED";

export type SignOutResponse = Record<string, never>;
