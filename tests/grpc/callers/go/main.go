// Calls all six methods by compiled stubs and prints each response: callers ADDRESS TOKEN USER ROOM
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"callers/pb"
)

func main() {
	address, token, user, room := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	alive := grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: true})
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), alive)
	stop(err)
	client := pb.NewRealtimeServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)

	show("NotifyBookingResult", try(client.NotifyBookingResult(ctx, &pb.NotifyBookingResultRequest{
		UserId: user, BookingId: "booking-uuid", Success: true, Message: "Booking confirmed", BookingReference: "B-1",
		EventId: "7", SeatNumbers: []string{"A1", "A2"}, TotalAmount: "100.00", Currency: "EUR"})))
	show("NotifyQueuePosition", try(client.NotifyQueuePosition(ctx, &pb.NotifyQueuePositionRequest{
		UserId: user, EventId: "7", Position: 12, EstimatedWaitSeconds: 60, TotalInQueue: 500})))
	show("NotifyPaymentStatus", try(client.NotifyPaymentStatus(ctx, &pb.NotifyPaymentStatusRequest{
		UserId: user, BookingId: "booking-uuid", PaymentId: "payment-uuid",
		Status: pb.PaymentStatus_PAYMENT_STATUS_REFUNDED, Message: "Refunded", Amount: "100.00", Currency: "EUR"})))
	show("BroadcastEvent", try(client.BroadcastEvent(ctx, &pb.BroadcastEventRequest{
		EventType: "seats:changed", Room: room, Payload: `{"seats":["A1"]}`})))
	show("SendToUser", try(client.SendToUser(ctx, &pb.SendToUserRequest{
		UserId: user, EventType: "greeting", Payload: `{"text":"Grüße"}`})))
	show("GetConnectionStats", try(client.GetConnectionStats(ctx, &pb.GetConnectionStatsRequest{})))
}

func try[T any](response T, err error) T {
	stop(err)
	return response
}

func show(method string, response proto.Message) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(response)
	stop(err)
	fmt.Printf("%s %s\n", method, text)
}

func stop(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
