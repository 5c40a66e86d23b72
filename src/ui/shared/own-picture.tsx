export function OwnPicture({ ticketPath }: { readonly ticketPath: string }) {
  return <div>{ticketPath}</div>;
}
