import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { useState } from "react";

import { answer, api } from "../api/client";
import { useAction } from "../parts/actions";
import { useTexts } from "../texts/texts";

export function AddSender({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const texts = useTexts();
  const words = texts.sender;
  const [phone, setPhone] = useState("");
  const [name, setName] = useState("");
  const [pools, setPools] = useState("main");
  const [profile, setProfile] = useState("");
  const add = useAction({
    run: () =>
      answer(
        api.POST("/v1/senders", {
          body: {
            phone,
            pools: pools.split(",").map((pool) => pool.trim()).filter((pool) => pool !== ""),
            ...(name === "" ? {} : { name }),
            ...(profile === "" ? {} : { profile }),
          },
        }),
      ),
    touches: [["senders"]],
    done: words.added,
    onDone: () => {
      setPhone("");
      setName("");
      close();
    },
  });
  return (
    <Modal opened={isOpen} onClose={close} title={words.add} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <Stack>
          <TextInput label={texts.common.phone} placeholder="+4915112345678" type="tel" required value={phone} onChange={(event) => setPhone(event.currentTarget.value)} data-autofocus />
          <TextInput label={texts.common.name} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <TextInput label={words.pool} description={words.poolsExplain} value={pools} onChange={(event) => setPools(event.currentTarget.value)} />
          <TextInput label={words.profile} placeholder="gentle" value={profile} onChange={(event) => setProfile(event.currentTarget.value)} />
          <Button type="submit" loading={add.isPending}>{texts.common.add}</Button>
        </Stack>
      </form>
    </Modal>
  );
}
