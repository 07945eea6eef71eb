// Who is at the page: read once, or made of the link that the page was opened with.

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { answer, api, setCsrfToken } from "../api/client";
import { session } from "../api/queries";

const LINK = "#link=";

/** The link in the page's address, which is taken out of it and of the history. */
function takeLink(): string | undefined {
  const { hash, pathname } = window.location;
  if (pathname !== "/sign-in" || !hash.startsWith(LINK)) return undefined;
  window.history.replaceState(null, "", "/");
  return hash.slice(LINK.length);
}

let link = takeLink();

export function useSignIn() {
  const query = useQuery({
    ...session,
    queryFn: () => {
      const once = link;
      link = undefined;
      return once === undefined ? answer(api.GET("/v1/session")) : answer(api.POST("/v1/session", { body: { link: once } }));
    },
  });
  const token = query.data?.csrf_token;
  useEffect(() => {
    if (token !== undefined) setCsrfToken(token);
  }, [token]);
  return query;
}
