"""Tells a person that their booking is confirmed: USHER=localhost:50057 USHER_TOKEN=ust_… python main.py USER BOOKING"""
import json
import os
import sys

import grpc
import pb_pb2 as pb
import pb_pb2_grpc as stubs

# The library retries, within the deadline. The idempotency key makes that safe.
RETRY = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": {
    "maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED"]}}]})

user, booking = sys.argv[1:]
# Over TLS: grpc.secure_channel(…, grpc.ssl_channel_credentials()). One channel serves the whole program.
with grpc.insecure_channel(os.environ["USHER"], options=[("grpc.service_config", RETRY)]) as channel:
    response = stubs.RealtimeServiceStub(channel).NotifyBookingResult(
        pb.NotifyBookingResultRequest(user_id=user, booking_id=booking, success=True, message="Booking confirmed"),
        timeout=5,
        metadata=[
            ("authorization", "Bearer " + os.environ.get("USHER_TOKEN", "")),
            ("idempotency-key", "booking-" + booking),
        ],
    )
print("delivered", response.delivered, "stored", response.stored)
