import { Button, NativeSelect, Stack, Table, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { type Schemas, answer, api } from "../api/client";
import { sessions, workspace } from "../api/queries";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { When } from "../parts/When";
import { useAction } from "../parts/actions";
import { LANGUAGES, isLanguage, useLanguage, useTexts } from "../texts/texts";

export function Settings() {
  const { texts, language, setLanguage } = useLanguage();
  const words = texts.settings;
  const queries = useQueryClient();
  const signOut = useAction({
    run: () => answer(api.DELETE("/v1/session")),
    touches: [],
    onDone: () => {
      queries.clear();
      window.location.assign("/");
    },
  });
  return (
    <Screen title={texts.nav.settings} actions={<Button variant="default" onClick={() => signOut.mutate()}>{texts.signIn.out}</Button>}>
      <NativeSelect
        label={words.language}
        maw={320}
        value={language}
        data={Object.entries(LANGUAGES).map(([value, { texts: own }]) => ({ value, label: own.name }))}
        onChange={(event) => {
          if (isLanguage(event.currentTarget.value)) setLanguage(event.currentTarget.value);
        }}
      />
      <UnknownPolicy />
      <Sessions />
    </Screen>
  );
}

function UnknownPolicy() {
  const words = useTexts().settings;
  const change = useAction({
    run: (unknown_policy: Schemas["UnknownPolicy"]) => answer(api.PATCH("/v1/workspace", { body: { unknown_policy } })),
    touches: [["workspace"]],
    done: words.saved,
  });
  return (
    <Loaded query={useQuery(workspace)}>
      {(found) => (
        <NativeSelect
          label={words.policy}
          description={words.policyExplain}
          maw={420}
          value={found.unknown_policy}
          data={(["hold", "fail", "resend"] as const).map((value) => ({ value, label: words[value] }))}
          onChange={(event) => change.mutate(event.currentTarget.value as Schemas["UnknownPolicy"])}
        />
      )}
    </Loaded>
  );
}

function Sessions() {
  const texts = useTexts();
  const words = texts.settings;
  const end = useAction({
    run: (id: string) => answer(api.DELETE("/v1/sessions/{id}", { params: { path: { id } } })),
    touches: [["sessions"]],
    done: words.ended,
  });
  return (
    <Stack component="section" aria-labelledby="sessions">
      <Title order={2} size="h3" id="sessions">{words.sessions}</Title>
      <Loaded query={useQuery(sessions)}>
        {({ items }) => (
          <Table>
            <Table.Tbody>
              {items.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td><When at={one.created_at} /></Table.Td>
                  <Table.Td>{words.expires}: <When at={one.expires_at} /></Table.Td>
                  <Table.Td>
                    {one.is_current ? words.current : (
                      <Button size="xs" variant="default" onClick={() => end.mutate(one.id)}>{words.end}</Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Loaded>
    </Stack>
  );
}
