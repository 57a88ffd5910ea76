import { reactRouter } from "@react-router/dev/vite";
import { defineConfig } from "vite";

export default defineConfig(({ command }) => ({
  plugins: [reactRouter()],
  build: { target: "es2022", assetsInlineLimit: 0, reportCompressedSize: false },
  environments: {
    ssr: {
      // Without it React's development half would be bundled too, beside the one that runs.
      define: command === "build" ? { "process.env.NODE_ENV": '"production"' } : {},
      build: { rolldownOptions: { input: "app/handler.ts" } },
      // One server file with everything in it: it starts faster and takes less memory than the packages' own files.
      resolve: command === "build" ? { noExternal: true } : {},
    },
  },
}));
