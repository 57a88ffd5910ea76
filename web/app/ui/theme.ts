import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** The accent: the red of a theatre's curtain. Index 7 on light, 6 on dark ground (white text on either is above 4.5:1). */
const curtain: MantineColorsTuple = [
  "#fbf0f2",
  "#f3dde1",
  "#e6b9c2",
  "#d8929f",
  "#cc7082",
  "#c4586e",
  "#b9465f",
  "#9b3450",
  "#842b44",
  "#6b2237",
];

/** Warm greys instead of Mantine's blue ones. */
const gray: MantineColorsTuple = [
  "#faf8f5",
  "#f4f1ec",
  "#ece7df",
  "#ddd6cb",
  "#c9c1b5",
  "#a89f93",
  "#777067",
  "#655e55",
  "#464039",
  "#221f1b",
];

const dark: MantineColorsTuple = [
  "#ebe6df",
  "#c9c2b8",
  "#a9a197",
  "#8d857b",
  "#4a443e",
  "#34302c",
  "#252220",
  "#1b1917",
  "#151312",
  "#0f0e0d",
];

const sans =
  'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji"';

/** Explanations and errors beside fields; Mantine makes them 11 px. */
const SMALL_FONT_SIZE = "0.8125rem";

export const theme = createTheme({
  primaryColor: "curtain",
  primaryShade: { light: 7, dark: 6 },
  colors: { curtain, gray, dark },
  black: "#221f1b",
  white: "#fdfcfa",
  fontFamily: sans,
  headings: { fontFamily: sans, fontWeight: "600" },
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  defaultRadius: "md",
  radius: { sm: "4px", md: "7px", lg: "12px" },
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
  // Nearly every field is required: optional ones say so, instead of an asterisk at all others.
  components: {
    InputWrapper: {
      defaultProps: { withAsterisk: false },
      vars: () => ({
        description: { "--input-description-size": SMALL_FONT_SIZE },
        error: { "--input-error-size": SMALL_FONT_SIZE },
      }),
    },
  },
});
