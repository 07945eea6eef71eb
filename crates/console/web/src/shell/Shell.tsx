// What surrounds every screen: navigation, liveness, and the way back in when the session is over.

import { Anchor, AppShell, Burger, Center, Group, Loader, Modal, NavLink, Paper, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { ProblemError, sessionEnded } from "../api/client";
import { ProblemAlert } from "../parts/ProblemAlert";
import { SignInForm } from "../sign-in/SignInForm";
import { useSignIn } from "../sign-in/useSignIn";
import { useTexts } from "../texts/texts";
import { LiveBanner } from "./LiveBanner";
import "./shell.css";

const PAGES = ["/", "/campaigns", "/senders", "/attention", "/suppressions", "/webhooks", "/fleet", "/settings"] as const;
const NAMES = ["home", "campaigns", "senders", "attention", "suppressions", "webhooks", "fleet", "settings"] as const;

export function Shell() {
  const texts = useTexts();
  const who = useSignIn();
  const queries = useQueryClient();
  const [hasEnded, setEnded] = useState(false);
  const [isOpen, menu] = useDisclosure();
  const path = useLocation({ select: (location) => location.pathname });
  useEffect(() => {
    const ended = () => setEnded(true);
    sessionEnded.addEventListener("ended", ended);
    return () => sessionEnded.removeEventListener("ended", ended);
  }, []);
  useEffect(() => menu.close(), [path, menu]);

  if (who.isPending) {
    return (
      <Center h="100vh">
        <Loader aria-label={texts.common.loading} />
      </Center>
    );
  }
  if (who.data === undefined) {
    const isRefused = who.error instanceof ProblemError && who.error.status === 401;
    return (
      <Center component="main" mih="100vh" p="md">
        <Paper withBorder p="xl" maw={420} w="100%">
          <Title order={1} size="h2" mb="md">
            Paceline
          </Title>
          {!isRefused && <ProblemAlert error={who.error} retry={() => void who.refetch()} />}
          <SignInForm explain={texts.signIn.explain} onSignedIn={() => setEnded(false)} />
        </Paper>
      </Center>
    );
  }
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !isOpen } }} padding="md">
      <AppShell.Header>
        <Group h="100%" px="md">
          <Anchor href="#content" className="skip">
            {texts.nav.skip}
          </Anchor>
          <Burger opened={isOpen} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label={texts.nav.menu} aria-expanded={isOpen} />
          <Text fw={700} size="lg">
            Paceline
          </Text>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav" aria-label={texts.nav.main}>
        {PAGES.map((to, place) => (
          <NavLink key={to} component={Link} to={to} label={texts.nav[NAMES[place] ?? "home"]} active={to === "/" ? path === "/" : path.startsWith(to)} />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <LiveBanner />
        <Outlet />
      </AppShell.Main>
      <Modal opened={hasEnded} onClose={() => undefined} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} title={texts.signIn.title}>
        <SignInForm
          explain={texts.signIn.again}
          onSignedIn={() => {
            setEnded(false);
            void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
          }}
        />
      </Modal>
    </AppShell>
  );
}
