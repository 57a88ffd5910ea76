// Notifies a person that their booking is confirmed: USHER=localhost:50057 USHER_TOKEN=ust_… node main.mjs USER BOOKING
import { credentials, loadPackageDefinition, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const PROTO = process.env.USHER_PROTO ?? "realtime.proto";

// The library retries, within the deadline. The idempotency key makes that safe.
const RETRY = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.2s",
        maxBackoff: "2s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED"],
      },
    },
  ],
};

const [user, booking] = process.argv.slice(2);
const { realtime } = loadPackageDefinition(loadSync(PROTO, { keepCase: true, defaults: true }));
// Over TLS: credentials.createSsl(). One client serves the whole program.
const client = new realtime.RealtimeService(process.env.USHER, credentials.createInsecure(), {
  "grpc.service_config": JSON.stringify(RETRY),
});

const metadata = new Metadata();
metadata.set("authorization", `Bearer ${process.env.USHER_TOKEN ?? ""}`);
metadata.set("idempotency-key", `booking-${booking}`);

client.NotifyBookingResult(
  { user_id: user, booking_id: booking, success: true, message: "Booking confirmed" },
  metadata,
  { deadline: Date.now() + 5_000 },
  (error, response) => {
    if (error) console.error(error.message);
    else console.log(`delivered ${response.delivered} stored ${response.stored}`);
    process.exitCode = error ? 1 : 0;
    client.close();
  },
);
