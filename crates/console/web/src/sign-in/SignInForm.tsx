// An API key becomes a session.

import { Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, setCsrfToken } from "../api/client";
import { session } from "../api/queries";
import { ProblemAlert } from "../parts/ProblemAlert";
import { useTexts } from "../texts/texts";

export function SignInForm({ explain, onSignedIn }: { explain: string; onSignedIn?: () => void }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const signIn = useMutation({
    mutationFn: () => answer(api.POST("/v1/session", { body: { api_key: key.trim() } })),
    onSuccess: (signedIn) => {
      setCsrfToken(signedIn.csrf_token);
      setKey("");
      queries.setQueryData(session.queryKey, signedIn);
      onSignedIn?.();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        signIn.mutate();
      }}
    >
      <Stack>
        <Text size="sm">{explain}</Text>
        <PasswordInput label={texts.signIn.key} value={key} onChange={(event) => setKey(event.currentTarget.value)} autoComplete="off" required data-autofocus />
        {signIn.error !== null && <ProblemAlert error={signIn.error} />}
        <Button type="submit" loading={signIn.isPending}>
          {texts.signIn.submit}
        </Button>
      </Stack>
    </form>
  );
}
