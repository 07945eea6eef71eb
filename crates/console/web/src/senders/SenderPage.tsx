import { Button, Group, Paper, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";

import { type Schemas, answer, api } from "../api/client";
import { sender as readSender } from "../api/queries";
import { Field } from "../parts/Field";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { StateBadge } from "../parts/StateBadge";
import { When } from "../parts/When";
import { Why } from "../parts/Why";
import { useAction, useConfirm } from "../parts/actions";
import { useTexts } from "../texts/texts";
import { Budget } from "./Budget";
import { Pairing } from "./Pairing";

export function SenderPage() {
  const { sender: id } = useParams({ from: "/senders/$sender" });
  return <Loaded query={useQuery(readSender(id))}>{(sender) => <One sender={sender} />}</Loaded>;
}

function One({ sender }: { sender: Schemas["Sender"] }) {
  const texts = useTexts();
  const words = texts.sender;
  return (
    <Screen title={sender.name === "" ? sender.phone : `${sender.name} · ${sender.phone}`} actions={<Actions sender={sender} />}>
      <Group>
        <StateBadge state={sender.state} words={words.states} />
        <StateBadge state={sender.session.state} words={words.sessions} />
        {sender.session.detail != null && <Text size="sm">{sender.session.detail}</Text>}
      </Group>
      <Paper withBorder p="md" component="section" aria-label={words.why}>
        <Text fw={600}>{words.why}</Text>
        <Why why={sender.why} />
      </Paper>
      {(sender.session.state === "unpaired" || sender.session.state === "pairing") && <Pairing id={sender.id} />}
      <Group gap="xl" align="flex-start">
        <Field name={words.today}><Budget pace={sender.pace} /></Field>
        <Field name={words.nextSlot}><When at={sender.pace.next_slot} zone={sender.timezone} /></Field>
        <Field name={words.lastSent}><When at={sender.last_sent_at} zone={sender.timezone} /></Field>
        <Field name={words.pool}><bdi>{sender.pools.join(", ")}</bdi></Field>
        <Field name={words.profile}>{sender.profile}</Field>
        <Field name={words.zone}>{sender.timezone}</Field>
        <Field name={words.worker}>{sender.lease?.worker_id ?? words.nobody}</Field>
      </Group>
    </Screen>
  );
}

function Actions({ sender }: { sender: Schemas["Sender"] }) {
  const texts = useTexts();
  const words = texts.sender;
  const confirm = useConfirm();
  const navigate = useNavigate();
  const params = { params: { path: { id: sender.id } } };
  const touches = [["senders"], ["sender", sender.id], ["fleet"]];
  const pause = useAction({ run: () => answer(api.POST("/v1/senders/{id}/pause", params)), touches, done: words.changed });
  const resume = useAction({ run: () => answer(api.POST("/v1/senders/{id}/resume", params)), touches, done: words.changed });
  const remove = useAction({
    run: () => answer(api.DELETE("/v1/senders/{id}", params)),
    touches: [["senders"], ["fleet"]],
    done: words.changed,
    onDone: () => void navigate({ to: "/senders" }),
  });
  const may = (action: Schemas["SenderAction"]) => sender.allowed_actions.includes(action);
  return (
    <>
      {may("pause") && <Button variant="default" loading={pause.isPending} onClick={() => pause.mutate()}>{words.pause}</Button>}
      {may("resume") && <Button loading={resume.isPending} onClick={() => resume.mutate()}>{words.resume}</Button>}
      {may("remove") && (
        <Button color="red" variant="default" loading={remove.isPending} onClick={() => confirm(words.remove, words.removeExplain, () => remove.mutate(), true)}>
          {words.remove}
        </Button>
      )}
    </>
  );
}
