// Calls NotifyBookingResult as fast as its callers get responses, or at a rate: grpc ADDRESS SECONDS CALLERS RATE USER,USER…
// Prints {"calls", "errors", "seconds", "p50", "p99"}, times in ms. Each message carries when it was sent, in µs of Unix time.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"callers/pb"
)

func main() {
	seconds, _ := strconv.Atoi(os.Args[2])
	callers, _ := strconv.Atoi(os.Args[3])
	rate, _ := strconv.Atoi(os.Args[4])
	users := strings.Split(os.Args[5], ",")
	var all []float64
	failed := 0
	var lock sync.Mutex
	var group sync.WaitGroup
	began := time.Now()
	end := began.Add(time.Duration(seconds) * time.Second)
	// As many connections as a back end of a few processes has.
	clients := make([]pb.RealtimeServiceClient, 4)
	for n := range clients {
		connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			panic(err)
		}
		clients[n] = pb.NewRealtimeServiceClient(connection)
	}
	for n := range callers {
		group.Add(1)
		go func() {
			defer group.Done()
			var mine []float64
			errors := 0
			for round := 0; ; round++ {
				if rate > 0 {
					at := began.Add(time.Duration(float64(round*callers+n) / float64(rate) * float64(time.Second)))
					time.Sleep(time.Until(at))
				}
				sent := time.Now()
				if sent.After(end) {
					break
				}
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				_, err := clients[n%len(clients)].NotifyBookingResult(ctx, &pb.NotifyBookingResultRequest{
					UserId: users[(n+round*callers)%len(users)], BookingId: fmt.Sprintf("b-%d-%d", n, round), Success: true,
					Message: strconv.FormatInt(sent.UnixMicro(), 10), SeatNumbers: []string{"A1", "A2"}, TotalAmount: "100.00"})
				cancel()
				if err != nil {
					if errors++; errors == 1 {
						fmt.Fprintln(os.Stderr, err)
					}
				} else {
					mine = append(mine, float64(time.Since(sent).Microseconds())/1000)
				}
			}
			lock.Lock()
			all, failed = append(all, mine...), failed+errors
			lock.Unlock()
		}()
	}
	group.Wait()
	took := time.Since(began).Seconds()
	sort.Float64s(all)
	at := func(p float64) float64 { return all[min(len(all)-1, int(p*float64(len(all))))] }
	text, _ := json.Marshal(map[string]any{"calls": len(all), "errors": failed, "seconds": took, "p50": at(0.5), "p99": at(0.99)})
	fmt.Println(string(text))
}
