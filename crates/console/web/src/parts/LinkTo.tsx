// A link of the page that looks like one.

import { Anchor, type AnchorProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, type Ref } from "react";

interface Props extends Omit<AnchorProps, "href">, Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps> {
  ref?: Ref<HTMLAnchorElement>;
}

function Plain(props: Props) {
  return <Anchor {...props} />;
}

export const LinkTo = createLink(Plain);
