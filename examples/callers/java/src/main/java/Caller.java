import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import realtime.RealtimeServiceGrpc;
import realtime.Realtime.NotifyBookingResultRequest;

/** Notifies a person that their booking is confirmed: USHER=localhost:50057 USHER_TOKEN=ust_… java … Caller USER BOOKING */
public class Caller {
    // The library retries, within the deadline. The idempotency key makes that safe.
    static final Map<String, ?> RETRY = Map.of("methodConfig", List.of(Map.of(
            "name", List.of(Map.of()),
            "retryPolicy", Map.of("maxAttempts", 5.0, "initialBackoff", "0.2s", "maxBackoff", "2s",
                    "backoffMultiplier", 2.0,
                    "retryableStatusCodes", List.of("UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED")))));

    static Metadata.Key<String> key(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    public static void main(String[] arguments) throws InterruptedException {
        String user = arguments[0], booking = arguments[1];
        Metadata metadata = new Metadata();
        metadata.put(key("authorization"), "Bearer " + System.getenv().getOrDefault("USHER_TOKEN", ""));
        metadata.put(key("idempotency-key"), "booking-" + booking);

        // Over TLS: leave out usePlaintext. One channel serves the whole program.
        ManagedChannel channel = ManagedChannelBuilder.forTarget(System.getenv("USHER"))
                .usePlaintext().enableRetry().defaultServiceConfig(RETRY).build();
        try {
            var response = RealtimeServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
                    .withDeadlineAfter(5, TimeUnit.SECONDS)
                    .notifyBookingResult(NotifyBookingResultRequest.newBuilder()
                            .setUserId(user).setBookingId(booking).setSuccess(true)
                            .setMessage("Booking confirmed").build());
            System.out.printf("delivered %b stored %b%n", response.getDelivered(), response.getStored());
        } finally {
            channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        }
    }
}
