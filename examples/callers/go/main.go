// Notifies a person that their booking is confirmed: USHER=localhost:50057 USHER_TOKEN=ust_… caller USER BOOKING
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"callers/pb"
)

// The library retries, within the deadline. The idempotency key makes that safe.
const retry = `{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.2s",
	"maxBackoff": "2s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED"]}}]}`

func main() {
	user, booking := os.Args[1], os.Args[2]
	// Over TLS: credentials.NewTLS(nil). One connection serves the whole program.
	connection, err := grpc.NewClient(os.Getenv("USHER"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(retry))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+os.Getenv("USHER_TOKEN"),
		"idempotency-key", "booking-"+booking)

	response, err := pb.NewRealtimeServiceClient(connection).NotifyBookingResult(ctx, &pb.NotifyBookingResultRequest{
		UserId: user, BookingId: booking, Success: true, Message: "Booking confirmed",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("delivered %v stored %v\n", response.Delivered, response.Stored)
}
