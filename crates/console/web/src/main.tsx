import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";

import { type CSSVariablesResolver, DirectionProvider, MantineProvider, createTheme } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { queries } from "./api/queries";
import { router } from "./router";
import { TextsProvider } from "./texts/TextsProvider";

const theme = createTheme({ primaryColor: "cyan", primaryShade: 9, defaultRadius: "md", autoContrast: true });

// Lesser text that can still be read: at least 4.5 to 1 on every surface (WCAG 2.2, 1.4.3).
const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "var(--mantine-color-gray-7)" },
  dark: { "--mantine-color-dimmed": "var(--mantine-color-gray-5)" },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <DirectionProvider>
        <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={contrast}>
          <TextsProvider>
            <QueryClientProvider client={queries}>
              <ModalsProvider>
                <Notifications position="bottom-right" />
                <RouterProvider router={router} />
              </ModalsProvider>
            </QueryClientProvider>
          </TextsProvider>
        </MantineProvider>
      </DirectionProvider>
    </StrictMode>,
  );
}
