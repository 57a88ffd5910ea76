import { brokerContract, type Ground } from "../../../tests/support/broker-contract.ts";
import { createMemoryBus } from "./memory.ts";

brokerContract("memory", async (): Promise<Ground> => {
  const bus = createMemoryBus();
  const turn = (up: boolean) => async () => {
    bus.up = up;
  };
  return {
    wire: async (address) => bus.wire(address),
    async fragileWire(address) {
      return {
        wire: bus.wire(address),
        deafen: () => bus.deaf.add(address.mailbox),
        heal: () => bus.deaf.delete(address.mailbox),
        close: async () => {},
      };
    },
    kill: turn(false),
    start: turn(true),
    pause: turn(false),
    resume: () => void turn(true)(),
    say: async (cluster, text) => void bus.wire({ cluster, mailbox: "stranger" }).send(null, text),
    close: async () => {},
  };
});
