// A list that is read page by page: a million rows are as light as fifty.

import { Button, Loader, ScrollArea, Table, Text } from "@mantine/core";
import { type InfiniteData, type UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useTexts } from "../texts/texts";
import { ProblemAlert } from "./ProblemAlert";

interface Page<T> {
  items: T[];
}

interface Props<T> {
  query: UseInfiniteQueryResult<InfiniteData<Page<T>>>;
  head: ReactNode[];
  row: (item: T) => ReactNode;
  label: string;
  empty?: ReactNode;
}

export function Paged<T>({ query, head, row, label, empty }: Props<T>) {
  const texts = useTexts();
  if (query.data === undefined) {
    if (query.error !== null) return <ProblemAlert error={query.error} retry={() => void query.refetch()} />;
    return <Loader size="sm" aria-label={texts.common.loading} />;
  }
  const items = query.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return <Text c="dimmed">{empty ?? texts.common.none}</Text>;
  return (
    <>
      <ScrollArea type="auto">
        <Table aria-label={label} verticalSpacing="xs" highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              {head.map((title, place) => (
                <Table.Th key={place}>{title}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{items.map(row)}</Table.Tbody>
        </Table>
      </ScrollArea>
      {query.hasNextPage && (
        <Button variant="default" mt="sm" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {texts.common.more}
        </Button>
      )}
      {query.isFetchNextPageError && <ProblemAlert error={query.error} />}
    </>
  );
}
