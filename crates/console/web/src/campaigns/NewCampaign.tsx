// From a text and a file to a campaign that runs, in four steps. The draft is a campaign of the API from the second step on, so that a
// closed tab loses nothing; what is typed before that is kept in the browser.

import { Stepper } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import type { Schemas } from "../api/client";
import { campaign as readCampaign } from "../api/queries";
import { Loaded } from "../parts/Loaded";
import { Screen } from "../parts/Screen";
import { useTexts } from "../texts/texts";
import { CheckStep } from "./CheckStep";
import { MessageStep } from "./MessageStep";
import { PeopleStep } from "./PeopleStep";
import { SendStep } from "./SendStep";

export function NewCampaign() {
  const texts = useTexts();
  const { draft } = useSearch({ from: "/campaigns/new" });
  return (
    <Screen title={texts.campaign.new}>{draft === undefined ? <Beginning /> : <Draft key={draft} id={draft} />}</Screen>
  );
}

function Steps({ active, go, children }: { active: number; go?: (step: number) => void; children: React.ReactNode }) {
  const words = useTexts().wizard;
  return (
    <>
      <Stepper active={active} allowNextStepsSelect={false} {...(go === undefined ? {} : { onStepClick: go })}>
        {[words.message, words.people, words.check, words.send].map((label) => (
          <Stepper.Step key={label} label={label} />
        ))}
      </Stepper>
      {children}
    </>
  );
}

function Beginning() {
  const navigate = useNavigate();
  return (
    <Steps active={0}>
      <MessageStep onMade={(id) => void navigate({ to: "/campaigns/new", search: { draft: id } })} />
    </Steps>
  );
}

function Draft({ id }: { id: string }) {
  const query = useQuery(readCampaign(id));
  return (
    <Loaded query={query}>
      {(campaign) => <Rest campaign={campaign} />}
    </Loaded>
  );
}

function Rest({ campaign }: { campaign: Schemas["Campaign"] }) {
  const [step, setStep] = useState(campaign.rows > 0 ? 2 : 1);
  return (
    <Steps active={step} go={setStep}>
      {step === 0 && <MessageStep campaign={campaign} onMade={() => setStep(1)} />}
      {step === 1 && <PeopleStep campaign={campaign} back={() => setStep(0)} next={() => setStep(2)} />}
      {step === 2 && <CheckStep campaign={campaign} back={() => setStep(1)} next={() => setStep(3)} />}
      {step === 3 && <SendStep campaign={campaign} back={() => setStep(2)} />}
    </Steps>
  );
}
