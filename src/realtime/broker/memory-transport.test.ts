import { brokerContract, type Ground } from "../../../tests/support/broker-contract.ts";
import { createMemoryBus } from "./memory-transport.ts";

brokerContract("memory", async (): Promise<Ground> => {
  const bus = createMemoryBus();
  const turn = (up: boolean) => async () => {
    bus.isUp = up;
  };
  return {
    wire: async (address) => bus.createTransport(address),
    async fragileWire(address) {
      return {
        wire: bus.createTransport(address),
        deafen: () => bus.isolated.add(address.instanceId),
        heal: () => bus.isolated.delete(address.instanceId),
        close: async () => {},
      };
    },
    kill: turn(false),
    start: turn(true),
    pause: turn(false),
    resume: () => void turn(true)(),
    say: async (cluster, text) => void bus.createTransport({ cluster, instanceId: "stranger" }).send(null, text),
    close: async () => {},
  };
});
