"""Calls all six methods by compiled stubs and prints what each returned: main.py ADDRESS TOKEN USER ROOM"""
import sys

import grpc
from google.protobuf.json_format import MessageToJson
import pb_pb2 as pb
import pb_pb2_grpc as stubs

address, token, user, room = sys.argv[1:]
client = stubs.RealtimeServiceStub(grpc.insecure_channel(address))
CALLS = {
    "NotifyBookingResult": pb.NotifyBookingResultRequest(
        user_id=user, booking_id="booking-uuid", success=True, message="Booking confirmed", booking_reference="B-1",
        event_id="7", seat_numbers=["A1", "A2"], total_amount="100.00", currency="EUR"),
    "NotifyQueuePosition": pb.NotifyQueuePositionRequest(
        user_id=user, event_id="7", position=12, estimated_wait_seconds=60, total_in_queue=500),
    "NotifyPaymentStatus": pb.NotifyPaymentStatusRequest(
        user_id=user, booking_id="booking-uuid", payment_id="payment-uuid",
        status=pb.PAYMENT_STATUS_REFUNDED, message="Refunded", amount="100.00", currency="EUR"),
    "BroadcastEvent": pb.BroadcastEventRequest(event_type="seats:changed", room=room, payload='{"seats":["A1"]}'),
    "SendToUser": pb.SendToUserRequest(user_id=user, event_type="greeting", payload='{"text":"Grüße"}'),
    "GetConnectionStats": pb.GetConnectionStatsRequest(),
}
for method, request in CALLS.items():
    response = getattr(client, method)(request, timeout=20, metadata=[("authorization", f"Bearer {token}")])
    text = MessageToJson(response, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None)
    print(method, text)
