// What was read, what is being read, or why it could not be.

import { Loader } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useTexts } from "../texts/texts";
import { ProblemAlert } from "./ProblemAlert";

export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  const texts = useTexts();
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error !== null) return <ProblemAlert error={query.error} retry={() => void query.refetch()} />;
  return <Loader size="sm" aria-label={texts.common.loading} />;
}
