import { Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";

import { exclusions } from "../api/queries";
import { Paged } from "../parts/Paged";
import { useFormats, useTexts } from "../texts/texts";

export function Exclusions({ id }: { id: string }) {
  const texts = useTexts();
  const { number } = useFormats();
  const query = useInfiniteQuery(exclusions(id));
  return (
    <Paged
      query={query}
      label={texts.campaign.exclusions}
      head={[texts.common.row, texts.common.phone, texts.common.reason, texts.common.details]}
      row={(excluded) => (
        <Table.Tr key={excluded.row}>
          <Table.Td>{number(excluded.row)}</Table.Td>
          <Table.Td style={{ overflowWrap: "anywhere" }}><bdi>{excluded.phone}</bdi></Table.Td>
          <Table.Td>{excluded.reason}</Table.Td>
          <Table.Td style={{ overflowWrap: "anywhere" }}>{excluded.detail}</Table.Td>
        </Table.Tr>
      )}
    />
  );
}
