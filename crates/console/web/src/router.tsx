import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";

import { Attention } from "./attention/Attention";
import { CampaignList } from "./campaigns/CampaignList";
import { CampaignPage } from "./campaigns/CampaignPage";
import { NewCampaign } from "./campaigns/NewCampaign";
import { Fleet } from "./fleet/Fleet";
import { Home } from "./home/Home";
import { MessagePage } from "./messages/MessagePage";
import { SenderPage } from "./senders/SenderPage";
import { Senders } from "./senders/Senders";
import { Settings } from "./settings/Settings";
import { NotFound } from "./shell/NotFound";
import { Shell } from "./shell/Shell";
import { Suppressions } from "./suppressions/Suppressions";
import { Webhooks } from "./webhooks/Webhooks";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

function page<P extends string>(path: P, component: () => React.ReactNode) {
  return createRoute({ getParentRoute: () => root, path, component });
}

const newCampaign = createRoute({
  getParentRoute: () => root,
  path: "/campaigns/new",
  component: NewCampaign,
  validateSearch: (search): { draft?: string } => (typeof search.draft === "string" ? { draft: search.draft } : {}),
});

export const router = createRouter({
  routeTree: root.addChildren([
    page("/", Home),
    // Shown once the link has signed in.
    page("/sign-in", Home),
    page("/campaigns", CampaignList),
    newCampaign,
    page("/campaigns/$campaign", CampaignPage),
    page("/messages/$message", MessagePage),
    page("/senders", Senders),
    page("/senders/$sender", SenderPage),
    page("/attention", Attention),
    page("/suppressions", Suppressions),
    page("/webhooks", Webhooks),
    page("/fleet", Fleet),
    page("/settings", Settings),
  ]),
  defaultPreload: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
