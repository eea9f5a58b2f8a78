/**
 * The address of the site's top folder, with a slash at its end. It is found from this script's own address
 * (`assets/live/…`), so the site works from any folder of any host.
 */
export function siteAddress(): string {
  return new URL("../../", import.meta.url).href;
}
