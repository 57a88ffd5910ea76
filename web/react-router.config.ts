import type { Config } from "@react-router/dev/config";

export default {
  appDirectory: "app",
  // web/build.ts moves it to web/build when it is complete.
  buildDirectory: ".cache/build",
  ssr: true,
  // The whole route table is small: one request less than discovering it link by link.
  routeDiscovery: { mode: "initial" },
} satisfies Config;
