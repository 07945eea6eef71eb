// Doing something: once, with what it did or why not. What cannot be taken back is asked about first.

import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";

import { useTexts } from "../texts/texts";
import { ProblemAlert } from "./ProblemAlert";

interface Action<V, T> {
  run: (value: V) => Promise<T>;
  /** What is read again afterwards. */
  touches: QueryKey[];
  done?: string;
  onDone?: (answer: T) => void;
}

export function useAction<V = void, T = unknown>({ run, touches, done, onDone }: Action<V, T>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: (answer) => {
      if (done !== undefined) notifications.show({ message: done, color: "green" });
      onDone?.(answer);
    },
    onError: (error) => notifications.show({ message: <ProblemAlert error={error} />, color: "red", autoClose: false, withBorder: true }),
    // A refusal says that the page was behind: read again in either case.
    onSettled: () => Promise.all(touches.map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}

/** Asks before it goes on. */
export function useConfirm() {
  const texts = useTexts();
  return (title: string, explain: string, confirm: () => void, isGrave = false) =>
    modals.openConfirmModal({
      title,
      children: <Text size="sm">{explain}</Text>,
      labels: { confirm: title, cancel: texts.common.cancel },
      confirmProps: isGrave ? { color: "red" } : {},
      onConfirm: confirm,
    });
}
