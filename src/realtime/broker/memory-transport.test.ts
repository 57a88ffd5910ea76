import { type BrokerFixture, brokerContract } from "../../../tests/support/broker-contract.ts";
import { createMemoryBus } from "./memory-transport.ts";

brokerContract("memory", async (): Promise<BrokerFixture> => {
  const bus = createMemoryBus();
  const turn = (up: boolean) => async () => {
    bus.isUp = up;
  };
  return {
    connect: async (address) => bus.createTransport(address),
    async connectFragile(address) {
      return {
        transport: bus.createTransport(address),
        isolate: () => bus.isolated.add(address.instanceId),
        restore: () => bus.isolated.delete(address.instanceId),
        close: async () => {},
      };
    },
    kill: turn(false),
    start: turn(true),
    pause: turn(false),
    resume: () => void turn(true)(),
    publishRaw: async (cluster, text) => void bus.createTransport({ cluster, instanceId: "stranger" }).send(null, text),
    close: async () => {},
  };
});
