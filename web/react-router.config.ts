import type { Config } from "@react-router/dev/config";

export default {
  appDirectory: "app",
  // web/build.ts puts it in place when it is whole.
  buildDirectory: ".cache/build",
  ssr: true,
  // The whole route table is small: one request less than discovering it link by link.
  routeDiscovery: { mode: "initial" },
} satisfies Config;
