import { defineConfig } from "vite";

// Everything in files of our own: the page may load nothing inline and nothing from elsewhere.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "dist", assetsInlineLimit: 0, modulePreload: false, manifest: true, target: "es2022" },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
} as Parameters<typeof defineConfig>[0]);
