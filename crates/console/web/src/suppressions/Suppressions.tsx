import { Button, Group, NativeSelect, Paper, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { type Schemas, answer, api } from "../api/client";
import { suppressions } from "../api/queries";
import { Paged } from "../parts/Paged";
import { Screen } from "../parts/Screen";
import { When } from "../parts/When";
import { useAction, useConfirm } from "../parts/actions";
import { useTexts } from "../texts/texts";

export function Suppressions() {
  const texts = useTexts();
  const words = texts.suppression;
  const [wanted, setWanted] = useState("");
  const [phone] = useDebouncedValue(wanted.trim(), 300);
  const query = useInfiniteQuery(suppressions(phone));
  const confirm = useConfirm();
  const remove = useAction({
    run: (id: string) => answer(api.DELETE("/v1/suppressions/{id}", { params: { path: { id } } })),
    touches: [["suppressions"]],
    done: words.removed,
  });
  return (
    <Screen title={texts.nav.suppressions}>
      <Text size="sm">{words.explain}</Text>
      <AddSuppression />
      <TextInput label={words.find} placeholder="+4915112345678" type="search" value={wanted} onChange={(event) => setWanted(event.currentTarget.value)} maw={320} />
      <Paged
        query={query}
        label={texts.nav.suppressions}
        head={[texts.common.phone, words.scope, texts.common.reason, texts.common.since, texts.common.actions]}
        row={(one) => (
          <Table.Tr key={one.id}>
            <Table.Td><bdi>{one.phone}</bdi></Table.Td>
            <Table.Td>{words[one.scope]}</Table.Td>
            <Table.Td>{one.reason}</Table.Td>
            <Table.Td><When at={one.since} /></Table.Td>
            <Table.Td>
              <Button size="xs" variant="default" onClick={() => confirm(texts.common.remove, words.removeExplain, () => remove.mutate(one.id), true)}>
                {texts.common.remove}
              </Button>
            </Table.Td>
          </Table.Tr>
        )}
      />
    </Screen>
  );
}

function AddSuppression() {
  const texts = useTexts();
  const words = texts.suppression;
  const [phone, setPhone] = useState("");
  const [scope, setScope] = useState<Schemas["SuppressionScope"]>("all");
  const add = useAction({
    run: () => answer(api.POST("/v1/suppressions", { body: { phone, scope, reason: "manual" } })),
    touches: [["suppressions"]],
    done: words.added,
    onDone: () => setPhone(""),
  });
  return (
    <Paper withBorder p="md" component="form" onSubmit={(event: React.FormEvent) => { event.preventDefault(); add.mutate(); }}>
      <Group align="flex-end">
        <TextInput label={texts.common.phone} type="tel" required value={phone} onChange={(event) => setPhone(event.currentTarget.value)} />
        <NativeSelect
          label={words.scope}
          data={[{ value: "all", label: words.all }, { value: "marketing", label: words.marketing }]}
          value={scope}
          onChange={(event) => setScope(event.currentTarget.value as Schemas["SuppressionScope"])}
        />
        <Button type="submit" loading={add.isPending}>{words.add}</Button>
      </Group>
    </Paper>
  );
}
