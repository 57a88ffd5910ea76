"""Calls SendToUser again and again on one channel, as a back end does: main.py ADDRESS TOKEN USER COUNT"""
import sys

import grpc
import pb_pb2 as pb
import pb_pb2_grpc as stubs

address, token, user, count = sys.argv[1:]
client = stubs.RealtimeServiceStub(grpc.insecure_channel(address))
failed = 0
for n in range(int(count)):
    request = pb.SendToUserRequest(user_id=user, event_type="greeting", payload="{}")
    try:
        client.SendToUser(request, timeout=20, metadata=[("authorization", f"Bearer {token}")])
    except grpc.RpcError as error:
        failed += 1
        print(error.code(), error.details(), file=sys.stderr)
print(f"{int(count) - failed} succeeded, {failed} failed")
