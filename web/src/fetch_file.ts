/** Fetch a file of this site, or say in words why it cannot be had. */
export async function fetchFile(address: string, init?: RequestInit): Promise<Response> {
  const name = new URL(address).pathname.split("/").pop();
  const response = await fetch(address, init).catch(() => {
    throw new Error(`${name} could not be fetched. Is the network there?`);
  });
  if (!response.ok) throw new Error(`${name} could not be fetched: the server said ${response.status}.`);
  return response;
}
